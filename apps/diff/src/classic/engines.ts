import {
  CbpfError,
  type ClassicPacketInfo,
  runClassic,
  type TranslateOptions,
  translateClassic,
} from '@skep/loader-cbpf'
import { createEngines, type Engines } from '../../../../packages/loader-cbpf/test/engines.ts'
import type { Surprise, Trial } from './kernel.ts'

const RANDOM = 0x5eed_5eed

const KINDS: readonly { readonly name: string; readonly options: TranslateOptions }[] = [
  { name: 'legacy', options: { type: 'socket_filter', style: 'legacy' } },
  { name: 'direct', options: { type: 'sched_cls', style: 'direct' } },
]

export interface EngineCounts {
  /** Translated programs that were run. */
  programs: number
  /** Programs that load what eBPF has nothing for. */
  untranslatable: number
  runs: number
}

/** Runs translations on every engine. */
export class EngineSide {
  readonly counts: EngineCounts = { programs: 0, untranslatable: 0, runs: 0 }
  readonly #engines: Engines

  private constructor(engines: Engines) {
    this.#engines = engines
  }

  static async create(cpu: number): Promise<EngineSide> {
    return new EngineSide(await createEngines({ random: RANDOM, cpu }))
  }

  /** The trials of one case: what differs from the classic interpreter. */
  async compare(trials: readonly Trial[]): Promise<Surprise[]> {
    const surprises: Surprise[] = []
    for (const { name, options } of KINDS) {
      // What the kernel's own translation reads from the socket buffer and eBPF cannot is given as a constant.
      for (const group of byConstants(trials)) surprises.push(...(await this.#run(group, name, options)))
    }
    return surprises
  }

  async #run(trials: readonly Trial[], name: string, options: TranslateOptions): Promise<Surprise[]> {
    const [first] = trials as [Trial]
    const { hatype, pay_offset } = first.info
    const constants = { ...(hatype === undefined ? {} : { hatype }), ...(pay_offset ? { pay_offset } : {}) }
    let spec: ReturnType<typeof translateClassic>
    try {
      spec = translateClassic(first.of.insns, { ...options, constants })
    } catch (error) {
      if (!(error instanceof CbpfError) || error.code !== 'NO_CONTEXT_FIELD') throw error
      this.counts.untranslatable++
      return []
    }
    const surprises: Surprise[] = []
    const bench = await this.#engines.load(spec)
    this.counts.programs++
    for (const trial of trials) {
      // Engines see frames from their first byte on, with headers where Ethernet has them.
      const { start: _start, networkOffset: _network, linkOffset: _link, ...info } = trial.info
      const expected = runClassic(trial.of.insns, trial.frame, info)
      for (const [engine, result] of Object.entries(bench.run(trial.frame, info as ClassicPacketInfo))) {
        this.counts.runs++
        if (result !== expected)
          surprises.push({ trial, what: `${name} on ${engine} gives ${result}, classic ${expected}` })
      }
    }
    bench.release()
    return surprises
  }
}

function byConstants(trials: readonly Trial[]): Trial[][] {
  const groups = new Map<number, Trial[]>()
  for (const trial of trials) {
    const key = trial.info.pay_offset ?? 0
    const group = groups.get(key)
    if (group) group.push(trial)
    else groups.set(key, [trial])
  }
  return [...groups.values()]
}
