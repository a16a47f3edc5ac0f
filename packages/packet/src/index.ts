export { type AddressCodec, ipv4, ipv6, mac } from './address.ts'
export {
  createTables,
  PacketBatch,
  type PacketBatchOptions,
  type PacketSink,
  type PacketTables,
} from './batch.ts'
export { buildPacket, type HeaderInput, type LayerInput } from './build-packet.ts'
export type { ByteSource, CaptureSource } from './byte-source.ts'
export { type Capture, type ParseOptions, parseCapture, parsePcap, parsePcapng } from './capture.ts'
export {
  CapturePump,
  type ContextField,
  type ContextShape,
  type PumpMemory,
  type PumpOptions,
  type PumpTally,
  type PumpVerdicts,
} from './capture-pump.ts'
export { type CaptureReader, openCapture, type ReadOptions, readCapture } from './capture-reader.ts'
export {
  checksumDifference,
  checksumFold,
  checksumPartial,
  internetChecksum,
  pseudoHeaderSum,
  transportChecksum,
  updateChecksum,
} from './checksum.ts'
export { type Collector, type CollectorOptions, createCollector } from './collector.ts'
export { ContextRing, type ContextRingOptions } from './context-ring.ts'
export { countBatch, createStats, type DeviceStats, type PacketDevice, receiveAll } from './device.ts'
export { createDevicePair, type DevicePairOptions } from './device-pair.ts'
export { DevicePump, type DevicePumpOptions, type PumpRing, pumpOf } from './device-pump.ts'
export {
  type CaptureEncoder,
  createEncoder,
  encodeCapture,
  type PacketToWrite,
  type WriteOptions,
} from './encoder.ts'
export { PacketError, type PacketErrorCode, PcapError, type PcapErrorCode } from './errors.ts'
export type { HeaderCodec } from './header.ts'
export { deviceMistake, hookBehind, type IngressHook, setHookBehind } from './ingress.ts'
export {
  type ArpFields,
  type DataLayer,
  type EthernetFields,
  type FragmentFields,
  type HeaderFields,
  type HeaderLayer,
  type HeaderName,
  type Headers,
  headers,
  type IcmpFields,
  type Ipv4Fields,
  type Ipv6Fields,
  type Layer,
  type LayerName,
  type OptionsFields,
  type RoutingFields,
  type TcpFields,
  type TcpFlag,
  type UdpFields,
  type VlanFields,
} from './layers.ts'
export { LINKTYPE, linkTypeName } from './link-type.ts'
export { parsePacket } from './parse-packet.ts'
export {
  type ByteSink,
  createPcapSink,
  createPcapSource,
  type DeviceOptions,
  type PcapSinkOptions,
  type PcapSourceOptions,
} from './pcap-device.ts'
export { ETHERTYPE, IPPROTO } from './protocol.ts'
export { type CaptureInterface, type PacketRecord, timestamp } from './record.ts'
export { summarize } from './summarize.ts'
export {
  createSwitch,
  type PacketSwitch,
  type SwitchOptions,
  type SwitchPortOptions,
  type SwitchStats,
} from './switch.ts'
