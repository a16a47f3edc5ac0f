import { type Effect, type FilterGraph, inOrder, type Node } from './graph.ts'
import { type Env, liveBefore, liveVariables, Variables } from './optimise-env.ts'
import type { ValueId } from './values.ts'

/**
 * Settles where variables are read: a value that is as cheap to compute as to fetch takes the variable's place, all others
 * are fetched from memory. Assignments that nothing fetches go, with their loads unless the filter is `literal`.
 */
export function settleVariables(graph: FilterGraph, literal = false): void {
  if (graph.variables === 0) return
  settle(graph, graph.root, undefined)
  dropDead(graph, literal)
}

/** Gives 0 to the variables that may be fetched before anything else is assigned to them. */
export function clearVariables(graph: FilterGraph): void {
  const live = liveVariables(graph, inOrder(graph.root)).get(graph.root)
  if (live === undefined || live.size === 0) return
  const start = graph.node(undefined, graph.root, graph.root)
  const value = graph.values.constant(0)
  start.effects = [...live].map((variable) => ({ kind: 'assign', variable, value }))
  graph.root = start
}

function settle(graph: FilterGraph, root: Node, entry: Env | undefined): void {
  const { values } = graph
  const order = inOrder(root)
  const variables = new Variables(graph, order, entry)
  const settled = (value: ValueId, env: Env): ValueId =>
    values.simplify(values.resolve(value, (variable) => substitute(graph, variable, env[variable]!)))
  for (const node of order) {
    let env = variables.entry(node)
    node.effects = node.effects.map((effect): Effect => {
      const before = env
      env = variables.follow(effect, env)
      if (effect.kind === 'loop') {
        settle(graph, effect.body, variables.around(effect, before))
        return effect
      }
      return { ...effect, value: settled(effect.value, before) }
    })
    if (node.test === undefined) continue
    const { op, left, right } = node.test
    node.test = { op, left: settled(left, env), right: settled(right, env) }
  }
}

/** What to write for a variable that holds a value. */
function substitute({ values }: FilterGraph, variable: number, held: ValueId): ValueId {
  const def = values.def(values.simplify(held))
  const cheap =
    def.op === 'constant' ||
    def.op === 'length' ||
    ((def.op === 'load' || def.op === 'header') && def.base === undefined)
  return cheap ? values.simplify(held) : values.add({ op: 'stored', variable, holds: held })
}

function dropDead(graph: FilterGraph, literal: boolean): void {
  const order = inOrder(graph.root)
  for (;;) {
    const live = liveVariables(graph, order)
    let dropped = false
    for (const node of order) {
      const after = new Set([
        ...((node.whenTrue && live.get(node.whenTrue)) ?? []),
        ...((node.whenFalse && live.get(node.whenFalse)) ?? []),
      ])
      if (node.test) for (const side of [node.test.left, node.test.right]) graph.values.variables(side, after)
      const kept: Effect[] = []
      for (const effect of node.effects.toReversed()) {
        if (effect.kind === 'assign' && !after.has(effect.variable)) {
          dropped = true
          for (const value of literal ? graph.values.loads(effect.value) : []) {
            graph.values.variables(value, after)
            kept.push({ kind: 'touch', value })
          }
          continue
        }
        liveBefore(graph, effect, after)
        kept.push(effect)
      }
      node.effects = kept.reverse()
    }
    if (!dropped) return
  }
}
