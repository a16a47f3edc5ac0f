import type { ClassicInsn } from '@skep/isa'
import { buildGraph } from './graph.ts'
import type { FilterProgram } from './ir.ts'
import { optimise } from './optimise.ts'
import { clearVariables, settleVariables } from './optimise-variables.ts'
import { toClassic } from './to-classic.ts'

export function compileClassic(program: FilterProgram, optimised = true): readonly ClassicInsn[] {
  const graph = buildGraph(program)
  if (optimised) {
    optimise(graph)
    settleVariables(graph)
  }
  clearVariables(graph)
  return toClassic(graph, optimised)
}
