/**
 * - `PCAP_MAGIC`: the input begins like neither pcap nor pcapng
 * - `PCAP_VERSION`: a version of the format that is not read
 * - `PCAP_TRUNCATED`: the input ends inside a header, a record or a block
 * - `PCAP_LENGTH`: a record claims more bytes than `maxPacketLength`, or a block more than 16 MiB
 * - `PCAP_BLOCK`: a pcapng block whose lengths contradict each other, or whose options leave it
 * - `PCAP_INTERFACE`: a pcapng packet of an interface that no block described, or more than 65,536 interfaces
 */
export type PcapErrorCode =
  | 'PCAP_MAGIC'
  | 'PCAP_VERSION'
  | 'PCAP_TRUNCATED'
  | 'PCAP_LENGTH'
  | 'PCAP_BLOCK'
  | 'PCAP_INTERFACE'

/** A capture that cannot be read on. The records before `offset` are good and have been delivered. */
export class PcapError extends Error {
  override readonly name = 'PcapError'
  readonly code: PcapErrorCode
  /** Bytes from the capture's start to the header, record or block at fault. */
  readonly offset: number

  constructor(code: PcapErrorCode, offset: number, message: string) {
    super(`${code} at offset ${offset}: ${message}`)
    this.code = code
    this.offset = offset
  }
}

/**
 * - `BAD_ADDRESS`: text that is no address of the family, or bytes of another length
 * - `BAD_FIELD`: a header field's value that does not fit the field; field `field`
 * - `BAD_LAYER`: nothing says what a field must be: what follows has no number, or IP is missing; field `field`
 * - `TOO_LONG`: a packet that does not fit an empty batch
 * - `CLOSED`: the device or switch was closed
 * - `BUSY`: a hook or another switch receives from the device
 * - `BAD_LINK`: a device whose packets are no Ethernet frames
 */
export type PacketErrorCode =
  | 'BAD_ADDRESS'
  | 'BAD_FIELD'
  | 'BAD_LAYER'
  | 'TOO_LONG'
  | 'CLOSED'
  | 'BUSY'
  | 'BAD_LINK'

/** A packet, header or address that cannot be built, or a device that cannot take it. */
export class PacketError extends Error {
  override readonly name = 'PacketError'
  readonly code: PacketErrorCode
  /** The layer and field at fault, as in `ipv4.ttl`. */
  readonly field: string | undefined

  constructor(code: PacketErrorCode, message: string, field?: string) {
    super(`${code}: ${field === undefined ? '' : `${field}: `}${message}`)
    this.code = code
    this.field = field
  }
}
