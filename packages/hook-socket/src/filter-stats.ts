/** Counters of one filter, in packets unless said. */
export interface SocketFilterStats {
  packets: number
  /** As received: of datagrams the payload, of frames all. */
  bytes: number
  passed: number
  /** Among those that passed. */
  truncated: number
  dropped: number
}

export const createFilterStats = (): SocketFilterStats => ({
  packets: 0,
  bytes: 0,
  passed: 0,
  truncated: 0,
  dropped: 0,
})
