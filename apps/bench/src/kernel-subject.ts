import {
  decisiveLine,
  type Kernel,
  type KernelCollection,
  type KernelMap,
  type KernelProgram,
  loadCollection,
} from '@skep/linux'
import type { CollectionSpec } from '@skep/runtime'
import { BenchError } from './errors.ts'
import type { BenchProgram } from './programs.ts'
import { mapToFill, total } from './spec.ts'
import { type Outcome, type RingName, type Subject, toHex, type Way } from './subject.ts'

/** The same program in the running kernel, under BPF_PROG_TEST_RUN. */
export class KernelSubject implements Subject {
  readonly #kernel: Kernel
  readonly #spec: CollectionSpec
  readonly #source: BenchProgram
  #collection!: KernelCollection
  #program!: KernelProgram
  #filled: KernelMap | undefined

  constructor(kernel: Kernel, spec: CollectionSpec, source: BenchProgram) {
    this.#kernel = kernel
    this.#spec = spec
    this.#source = source
    this.#load()
  }

  #load(): void {
    const kernel = this.#kernel
    const spec = this.#spec
    const source = this.#source
    // The log of a program that loops a million times is longer than its load.
    this.#collection = loadCollection(kernel, spec, { logLevel: 0 })
    const [program] = this.#collection.programs.values()
    if (!program?.ok) {
      this.#collection.close()
      throw new BenchError('REFUSED', `the kernel refused ${source.name}: ${whyRefused(kernel, spec)}`)
    }
    this.#program = program
    const { fill } = source
    this.#filled = fill && this.#collection.maps.get(mapToFill(spec, fill).name)
    if (fill) for (const key of fill.keys) this.#filled!.update(key, new Uint8Array(this.#filled!.valueBytes))
  }

  async outcome(): Promise<Outcome> {
    return this.outcomeOf(this.#source.packet)
  }

  /** One run over any packet. */
  outcomeOf(packet: Uint8Array): Outcome {
    const { fill } = this.#source
    if (fill) this.#filled!.update(fill.hit, new Uint8Array(this.#filled!.valueBytes))
    const { retval, dataOut } = this.#program.testRun({ dataIn: packet })
    const counted = fill && this.#filled!.lookup(fill.hit)
    return { retval, data: toHex(dataOut), ...(counted ? { counted: toHex(total(counted, fill)) } : {}) }
  }

  /**
   * The kernel's own figure, since a test run that repeats also patches the XDP dispatcher, which takes milliseconds. It is
   * rounded down to whole nanoseconds (net/bpf/test_run.c, bpf_test_timer_continue), so half of one is added.
   */
  async time(way: Way, runs: number): Promise<number> {
    if (way !== 'call') throw new BenchError('BAD_OPTION', `a test run has no ${way}`)
    const time = this.#program.testRun({ dataIn: this.#source.packet, repeat: runs }).durationNs + 0.5
    if (this.#source.ring) {
      // Nobody reads the ring: an empty one comes with new maps.
      this.#collection.close()
      this.#load()
    }
    return time
  }

  async ringVerdicts(ring: RingName): Promise<readonly number[]> {
    throw new BenchError('BAD_OPTION', `a test run takes one packet, not a ring (${ring})`)
  }

  async close(): Promise<void> {
    this.#collection.close()
  }
}

/** errno and the line of the log that says why. */
function whyRefused(kernel: Kernel, spec: CollectionSpec): string {
  using collection = loadCollection(kernel, spec)
  const [program] = collection.programs.values()
  return program && !program.ok ? `${program.errno}, ${decisiveLine(program.log) ?? 'no log'}` : 'no log'
}
