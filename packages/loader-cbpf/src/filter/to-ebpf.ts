import type { ProgramSpec } from '@skep/registry'
import {
  FARTHEST_JUMP,
  type TranslateOptions,
  translateWide,
  WIDE_MEMORY_WORDS,
} from '../translate-classic.ts'
import type { FilterGraph } from './graph.ts'
import { MemoryWords, toMachine } from './to-classic.ts'

/**
 * Makes a graph's code for eBPF: the registers A and X and the words of memory of classic BPF, but as many instructions
 * and words as are needed, and loops.
 *
 * @throws CbpfError `BAD_OPTION`, `NO_CONTEXT_FIELD`; `BAD_MEMORY` for more variables than the stack has room for
 */
export function toEbpf(graph: FilterGraph, carries: boolean, options: TranslateOptions): ProgramSpec {
  const memory = new MemoryWords(graph, WIDE_MEMORY_WORDS)
  return translateWide(toMachine(graph, { farthest: FARTHEST_JUMP, memory, carries }), options)
}
