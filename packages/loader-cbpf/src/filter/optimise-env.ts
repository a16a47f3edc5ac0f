import { assignedIn, type Effect, type FilterGraph, type Node } from './graph.ts'
import type { ValueId } from './values.ts'

/** What variables hold, by number. */
export type Env = readonly ValueId[]

/** Says what variables hold at each place of a graph: equal values where assignments agree, others where they meet. */
export class Variables {
  readonly #graph: FilterGraph
  readonly #entry = new Map<Node, Env>()
  readonly #test = new Map<Node, Env>()

  /** `order`: all nodes, each before those that follow it. */
  constructor(graph: FilterGraph, order: readonly Node[], entry?: Env) {
    this.#graph = graph
    if (graph.variables === 0) return
    const first = order[0]
    if (first === undefined) return
    const zero = graph.values.constant(0)
    this.#entry.set(first, entry ?? Array.from({ length: graph.variables }, () => zero))
    for (const node of order) {
      const after = this.#after(node, this.#entry.get(node)!)
      this.#test.set(node, after)
      for (const next of [node.whenTrue, node.whenFalse]) if (next) this.#meet(next, after)
    }
  }

  #meet(node: Node, env: Env): void {
    const known = this.#entry.get(node)
    if (known === undefined) this.#entry.set(node, env)
    else if (known !== env) {
      const met = known.map((value, variable) =>
        value === env[variable] ? value : this.#met(variable, node.id),
      )
      this.#entry.set(node, met)
    }
  }

  #met(variable: number, at: number): ValueId {
    return this.#graph.values.add({ op: 'met', variable, at })
  }

  #after(node: Node, env: Env): Env {
    return node.effects.reduce((before, effect) => this.follow(effect, before), env)
  }

  /** What variables hold after an effect. */
  follow(effect: Effect, env: Env): Env {
    switch (effect.kind) {
      case 'touch':
        return env
      case 'assign':
        return env.with(effect.variable, this.resolve(effect.value, env))
      case 'loop':
        return this.around(effect, env)
    }
  }

  /** What variables hold at the start of each round of a loop. */
  around(loop: Extract<Effect, { readonly kind: 'loop' }>, env: Env): Env {
    const assigned = assignedIn(loop.body)
    return env.map((value, variable) => (assigned.has(variable) ? this.#met(variable, loop.again.id) : value))
  }

  entry(node: Node): Env {
    return this.#entry.get(node) ?? []
  }

  /** Where the node's test is. */
  atTest(node: Node): Env {
    return this.#test.get(node) ?? []
  }

  resolve(value: ValueId, env: Env): ValueId {
    if (this.#graph.variables === 0) return value
    return this.#graph.values.resolve(value, (variable) => env[variable]!)
  }
}

/** The variables that each node, or what follows it, reads before assigning them. */
export function liveVariables(graph: FilterGraph, order: readonly Node[]): Map<Node, ReadonlySet<number>> {
  const live = new Map<Node, ReadonlySet<number>>()
  const none: ReadonlySet<number> = new Set()
  for (const node of order.toReversed()) {
    if (graph.variables === 0) {
      live.set(node, none)
      continue
    }
    const now = new Set([
      ...((node.whenTrue && live.get(node.whenTrue)) ?? none),
      ...((node.whenFalse && live.get(node.whenFalse)) ?? none),
    ])
    if (node.test) for (const side of [node.test.left, node.test.right]) graph.values.variables(side, now)
    for (const effect of node.effects.toReversed()) liveBefore(graph, effect, now)
    live.set(node, now)
  }
  return live
}

/** Turns what is live after an effect into what is before. */
export function liveBefore(graph: FilterGraph, effect: Effect, live: Set<number>): void {
  switch (effect.kind) {
    case 'assign':
      live.delete(effect.variable)
      graph.values.variables(effect.value, live)
      return
    case 'touch':
      graph.values.variables(effect.value, live)
      return
    case 'loop':
      readIn(graph, effect.body, live)
  }
}

/** All variables that a loop's body reads. */
function readIn(graph: FilterGraph, body: Node, found: Set<number>): void {
  const seen = new Set<Node>()
  const visit = (node: Node | undefined): void => {
    if (node === undefined || seen.has(node)) return
    seen.add(node)
    if (node.test) for (const side of [node.test.left, node.test.right]) graph.values.variables(side, found)
    for (const effect of node.effects) {
      if (effect.kind === 'loop') readIn(graph, effect.body, found)
      else graph.values.variables(effect.value, found)
    }
    visit(node.whenTrue)
    visit(node.whenFalse)
  }
  visit(body)
}
