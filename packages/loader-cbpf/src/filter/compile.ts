import type { ClassicInsn } from '@skep/isa'
import type { CollectionSpec } from '@skep/registry'
import type { TranslateOptions } from '../translate-classic.ts'
import { FilterError } from './filter-error.ts'
import { type GenerateFilterOptions, generateFilter } from './generate.ts'
import { buildGraph, type FilterGraph, hasLoop } from './graph.ts'
import { guardOffsets } from './guard-offsets.ts'
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

export interface CompileClassicFilterOptions extends GenerateFilterOptions, CodeOptions {}

export interface CompileFilterOptions extends CompileClassicFilterOptions, FilterTargetOptions {}

/** A graph that is ready to become code, and whether it is one that libpcap refuses, since it rejects all packets. */
export function readyGraph(
  program: FilterProgram,
  options: CodeOptions,
): { graph: FilterGraph; rejectsAll: boolean } {
  const graph = buildGraph(program)
  // libpcap leaves filters with loops as they are, and so the packets that they accept.
  if (options.optimise === false || hasLoop(graph.root)) {
    guardOffsets(graph)
    clearVariables(graph)
    return { graph, rejectsAll: false }
  }
  const literal = program.literal === true
  const { rejectsAll } = optimise(graph, literal, program.refusals)
  settleVariables(graph, literal)
  clearVariables(graph)
  return { graph, rejectsAll: rejectsAll && !literal }
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

/**
 * Compiles an expression of the pcap filter language (pcap-filter(7)) to classic BPF, as `tcpdump -ddd` does. Instructions
 * that the graph of tests does not need are left out, loads included whose values do not matter.
 *
 * @throws FilterError at the word that is wrong; `REJECTS_ALL` where no packet can pass
 * @throws CbpfError `TOO_MANY_INSNS`, `BAD_MEMORY`, `NO_LOOPS`: what classic BPF has no room or no way for
 */
export function compileClassicFilter(
  text: string,
  options: CompileClassicFilterOptions = {},
): readonly ClassicInsn[] {
  return toClassic(graphOf(text, options), options.optimise !== false)
}

/**
 * Compiles an expression of the pcap filter language (pcap-filter(7)) to an eBPF program: a collection of it alone, for
 * `runtime.load`. There is no limit of 4,096 instructions, and `protochain` becomes a loop.
 *
 * @throws FilterError at the word that is wrong; `REJECTS_ALL` where no packet can pass
 * @throws CbpfError `BAD_OPTION`, `NO_CONTEXT_FIELD`, `BAD_MEMORY`
 */
export function compileFilter(text: string, options: CompileFilterOptions = {}): CollectionSpec {
  const { optimise: optimised = true, target = 'socket_filter' } = options
  const spec = toEbpf(graphOf(text, options), optimised, { ...options, type: target })
  return { name: spec.name, programs: [spec], maps: [], variables: [], license: spec.license, notes: [] }
}

/** The graph of an expression's tests, as code is made from it. */
export function graphOf(text: string, options: CompileClassicFilterOptions): FilterGraph {
  const { graph, rejectsAll } = readyGraph(generateFilter(text, options), options)
  if (!rejectsAll) return graph
  const mend = 'look for conditions that exclude each other, or compile it without the optimiser'
  throw new FilterError(
    'REJECTS_ALL',
    text,
    { offset: 0, length: text.length },
    'expression rejects all packets',
    {
      mend,
    },
  )
}
