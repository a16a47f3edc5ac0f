import type { PacketSink } from './batch.ts'
import type { CaptureInterface } from './record.ts'

export interface ScanOptions {
  /** A captured packet of more bytes is refused as PCAP_LENGTH; 262,144 by default, as tcpdump's. */
  readonly maxPacketLength?: number
}

export const DEFAULT_MAX_PACKET_LENGTH = 262_144

/**
 * Finds the packets in a capture that comes piece by piece. It keeps the formats' state (byte order, interfaces, the
 * place in the file) and no bytes.
 */
export interface CaptureScanner {
  readonly format: 'pcap' | 'pcapng'
  /** Those described so far; in pcapng further ones may follow. */
  readonly interfaces: readonly CaptureInterface[]
  /** Bytes of the capture consumed so far. */
  readonly position: number
  /** Whether the sink refused the packet that comes next, so that the scan stopped there. */
  readonly refused: boolean
  /**
   * Hands the whole packets of bytes[start, end) to the sink until it refuses one, and answers where it stopped: the
   * bytes before are consumed, those from there on must come again, with more behind them.
   * Throws PcapError at a bad record, once those before it have been handed over by an earlier scan.
   */
  scan(bytes: Uint8Array, start: number, end: number, sink: PacketSink): number
  /** Throws PcapError PCAP_TRUNCATED if the capture may not end with `rest` bytes unconsumed. */
  finish(rest: number): void
}
