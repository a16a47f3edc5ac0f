import { CLASSIC_MAX_INSNS, CLASSIC_MEMORY_WORDS, type ClassicInsn } from '@skep/isa'
import { CbpfError } from '../errors.ts'
import { type FilterGraph, hasLoop, inOrder, type Node } from './graph.ts'
import { layOut, type Machine } from './to-classic-layout.ts'
import { insn, type Memory } from './to-classic-values.ts'

/** Most that a conditional jump of classic BPF skips. */
const FARTHEST_JUMP = 255

/** Words of M[]: those of variables first, then those for what waits. */
export class MemoryWords implements Memory {
  readonly #words: number
  readonly #of = new Map<number, number>()
  #variables = 0

  constructor(graph: FilterGraph, words: number) {
    this.#words = words
    this.#find(graph, graph.root)
    this.#variables = this.#of.size
  }

  #find(graph: FilterGraph, root: Node): void {
    for (const node of inOrder(root)) {
      for (const effect of node.effects) {
        if (effect.kind === 'loop') this.#find(graph, effect.body)
        else if (effect.kind === 'assign') this.word(effect.variable)
      }
    }
  }

  word(variable: number): number {
    const known = this.#of.get(variable) ?? this.#of.size
    this.#of.set(variable, known)
    return this.#inside(known)
  }

  spare(depth: number): number {
    return this.#inside(this.#variables + depth)
  }

  #inside(word: number): number {
    if (word < this.#words) return word
    throw new CbpfError(
      'BAD_MEMORY',
      `filter needs more than ${this.#words} words of memory; split the expression`,
    )
  }
}

/** Makes a graph's code for a machine that returns `snaplen` for what it accepts. */
export function toMachine(graph: FilterGraph, machine: Machine): ClassicInsn[] {
  const ends = (node: Node): readonly ClassicInsn[] => [
    insn('ret_k', node === graph.accept ? graph.snaplen : 0),
  ]
  return layOut(graph, machine, graph.root, ends)
}

/**
 * Makes a graph's code for classic BPF.
 *
 * @throws CbpfError `TOO_MANY_INSNS`, `BAD_MEMORY`, or `NO_LOOPS` for what classic BPF has no room or no way for
 */
export function toClassic(graph: FilterGraph, carries: boolean): readonly ClassicInsn[] {
  if (hasLoop(graph.root)) {
    throw new CbpfError(
      'NO_LOOPS',
      'classic BPF only jumps forward, and the filter has a loop; compile it to eBPF',
    )
  }
  const memory = new MemoryWords(graph, CLASSIC_MEMORY_WORDS)
  const insns = toMachine(graph, { farthest: FARTHEST_JUMP, memory, carries })
  if (insns.length > CLASSIC_MAX_INSNS) {
    throw new CbpfError(
      'TOO_MANY_INSNS',
      `filter has ${insns.length} instructions, classic BPF takes at most ${CLASSIC_MAX_INSNS}; compile it to eBPF`,
    )
  }
  return insns
}
