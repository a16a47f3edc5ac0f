/** Counters of one program on a device, in packets unless said: of those that it saw, and what it decided about them. */
export interface XdpStats {
  packets: number
  bytes: number
  /** XDP_ABORTED, unknown verdicts and runs that faulted; dropped. */
  aborted: number
  dropped: number
  passed: number
  transmitted: number
  redirected: number
  /** XDP_REDIRECT without a target; dropped. What the program of a target drops is among `dropped` or `aborted`. */
  redirectFailed: number
}

export const createXdpStats = (): XdpStats => ({
  packets: 0,
  bytes: 0,
  aborted: 0,
  dropped: 0,
  passed: 0,
  transmitted: 0,
  redirected: 0,
  redirectFailed: 0,
})
