/** One captured packet. */
export interface PacketRecord {
  /** The bytes captured, perhaps fewer than the packet had. */
  readonly data: Uint8Array
  /** When it was captured, in whole seconds since 1970-01-01 UTC and the nanoseconds after them; 0 and 0 if unknown. */
  readonly seconds: number
  readonly nanos: number
  /** Bytes that the packet had on the wire. */
  readonly originalLength: number
  /** The place in `interfaces` of the capture; 0 in pcap, which knows only one. */
  readonly interfaceId: number
  /** One of `LINKTYPE`. */
  readonly linkType: number
}

/** What a capture says about where its packets come from. */
export interface CaptureInterface {
  /** One of `LINKTYPE`. */
  readonly linkType: number
  /** The most bytes captured of a packet; 0 if there is no limit. */
  readonly snapLength: number
  readonly name?: string
  readonly description?: string
}

/** The time of a record in nanoseconds since 1970-01-01 UTC. */
export const timestamp = (record: { readonly seconds: number; readonly nanos: number }): bigint =>
  BigInt(record.seconds) * 1_000_000_000n + BigInt(record.nanos)
