/** How an engine is run: by a call for each packet, by batches of one hot packet, or by batches of a ring of packets. */
export type Way = 'call' | 'batch' | RingName

/** `alike`: 64 bytes, all the same; `mixed`: six kinds in random order. `hot`: 2 MiB again and again; `cold`: 64 MiB. */
export const ringNames = ['alike-hot', 'mixed-hot', 'alike-cold', 'mixed-cold'] as const
export type RingName = (typeof ringNames)[number]

/** What one run did. Two sides that agree have done the same work. */
export interface Outcome {
  readonly retval: number
  /** The packet as the program left it, in hex. */
  readonly data: string
  /** The value of the map element that the packet finds, in hex, after this one run. */
  readonly counted?: string
}

/** One side of a comparison: a program, ready to run. */
export interface Subject {
  /** One run over the program's packet, before anything is timed. */
  outcome(way: 'call' | 'batch'): Promise<Outcome>
  /** Runs at least so often, and gives the nanoseconds that one run took. */
  time(way: Way, runs: number): Promise<number>
  /** Verdicts by kind of packet in a ring; throws BenchError DISAGREE where two packets of one kind got different ones. */
  ringVerdicts(ring: RingName): Promise<readonly number[]>
  close(): Promise<void>
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
