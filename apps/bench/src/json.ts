import * as z from 'zod'
import { ringNames } from './subject.ts'

// What `--json` prints. Times are nanoseconds unless said; a ratio is one side's time by that of another in the same round.

const spread = z.object({ median: z.number(), min: z.number(), max: z.number() })
const measured = z.object({ ns: spread, ratio: spread.optional() })

const machine = z.object({
  cpu: z.string(),
  cores: z.number(),
  system: z.string(),
  node: z.string(),
  v8: z.string(),
  /** Processes that wanted a core, averaged over a minute, when the run began. */
  load: z.number().optional(),
})

/** The first 256 runs in a new thread, before V8 has optimised anything. */
const cold = z.object({ jit: spread, 'jit-batch': spread })

const program = z.object({
  id: z.string(),
  name: z.string(),
  title: z.string(),
  /** Slots of 8 bytes. */
  insns: z.number(),
  /** Warm; the ratio is to `kernel`, whose time is that of BPF_PROG_TEST_RUN. */
  sides: z.object({
    kernel: measured.optional(),
    interpreter: measured,
    jit: measured,
    'jit-batch': measured,
  }),
  cold: cold.optional(),
})

const ring = z.object({
  /** The program's id. */
  program: z.string(),
  ring: z.enum(ringNames),
  /** Of a packet; the ratio is to the kernel's test run of the same program over one packet. */
  measured,
})

/** `npm run bench -- --json`. */
export const benchReport = z.object({
  /** ISO 8601. */
  date: z.string(),
  machine,
  /** Why there are no ratios. */
  withoutKernel: z.string().optional(),
  options: z.object({ rounds: z.number(), window: z.number(), warmUp: z.number() }),
  programs: z.array(program),
  /** Geometric means of the median ratios of b, c, d, e, h and i, where all were measured. */
  means: z.object({ interpreter: z.number(), jit: z.number(), 'jit-batch': z.number() }).partial().optional(),
  rings: z.array(ring),
})
export type BenchReport = z.infer<typeof benchReport>

/** `npm run bench -- pcap --json`; the ratio is to tcpdump, whose side is the first. */
export const pcapReport = z.object({
  date: z.string(),
  machine,
  /** Of the capture. */
  bytes: z.number(),
  rounds: z.number(),
  sides: z.array(
    z.object({ name: z.string(), title: z.string(), seconds: spread, ratio: spread.optional() }),
  ),
})
export type PcapReport = z.infer<typeof pcapReport>

/** `npm run bench -- soak --json`. */
export const soakReport = z.object({
  date: z.string(),
  machine,
  /** Of one period. */
  seconds: z.number(),
  periods: z.array(
    z.object({
      packets: z.number(),
      /** Packets a second. */
      rate: z.number(),
      /** MiB: the process, V8's heap in use, and what the arena has handed out. */
      rss: z.number(),
      heap: z.number(),
      arena: z.number(),
    }),
  ),
  /** Rate of the last period by that of the second. */
  rateKept: z.number(),
  /** MiB by which each grew from the second period to the last. */
  growth: z.object({ rss: z.number(), heap: z.number(), arena: z.number() }),
  steady: z.boolean(),
})
export type SoakReport = z.infer<typeof soakReport>
