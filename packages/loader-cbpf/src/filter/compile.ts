import type { ClassicInsn } from '@skep/isa'
import type { CollectionSpec } from '@skep/registry'
import type { TranslateOptions } from '../translate-classic.ts'
import { buildGraph, type FilterGraph } from './graph.ts'
import type { FilterProgram } from './ir.ts'
import { optimise } from './optimise.ts'
import { clearVariables, settleVariables } from './optimise-variables.ts'
import { toClassic } from './to-classic.ts'
import { toEbpf } from './to-ebpf.ts'

/** What becomes of a filter's intermediate form. */
export interface CodeOptions {
  /** False: the code follows the expression word by word. Then it also makes loads whose value does not matter. Default true. */
  readonly optimise?: boolean
}

export interface FilterTargetOptions extends Omit<TranslateOptions, 'type'> {
  /** The program type: `socket_filter` (the default), `sched_cls`, `sched_act`, `xdp`, or one of the platform. */
  readonly target?: string
}

/** A graph that is ready to become code, and whether it is one that libpcap refuses, since it rejects all packets. */
export function readyGraph(
  program: FilterProgram,
  options: CodeOptions,
): { graph: FilterGraph; rejectsAll: boolean } {
  const graph = buildGraph(program)
  if (options.optimise === false) {
    clearVariables(graph)
    return { graph, rejectsAll: false }
  }
  const { rejectsAll } = optimise(graph)
  settleVariables(graph)
  clearVariables(graph)
  return { graph, rejectsAll }
}

/**
 * Makes classic BPF of a filter's intermediate form.
 *
 * @throws CbpfError `TOO_MANY_INSNS`, `BAD_MEMORY`, `NO_LOOPS`: what classic BPF has no room or no way for
 */
export function compileClassicProgram(
  program: FilterProgram,
  options: CodeOptions = {},
): readonly ClassicInsn[] {
  return toClassic(readyGraph(program, options).graph, options.optimise !== false)
}

/**
 * Makes an eBPF program of a filter's intermediate form: a collection of it alone.
 *
 * @throws CbpfError `BAD_OPTION`, `NO_CONTEXT_FIELD`, `BAD_MEMORY`
 */
export function compileFilterProgram(
  program: FilterProgram,
  options: CodeOptions & FilterTargetOptions = {},
): CollectionSpec {
  const { optimise: optimised = true, target = 'socket_filter', ...others } = options
  const { graph } = readyGraph(program, options)
  const spec = toEbpf(graph, optimised, { ...others, type: target })
  return { name: spec.name, programs: [spec], maps: [], variables: [], license: spec.license, notes: [] }
}
