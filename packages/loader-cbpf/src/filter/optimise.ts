import { type Effect, type FilterGraph, inOrder, type Node } from './graph.ts'
import { guardOffsets } from './guard-offsets.ts'
import type { FilterProgram } from './ir.ts'
import { moveBranches } from './optimise-branches.ts'
import { Variables } from './optimise-env.ts'
import { Facts } from './optimise-facts.ts'
import { simplifyTest } from './optimise-tests.ts'
import type { ValueId } from './values.ts'

/** Rounds of moving what facts decide; each makes the graph smaller. */
const MOST_ROUNDS = 20
/** What is known at each node is kept for it alone, which takes too long for larger graphs. */
const MOST_NODES = 1500

/**
 * Makes a graph smaller. First come the moves of libpcap's optimiser, which decide which packets are accepted although a
 * load is outside of them; what follows changes nothing that a packet could tell. `literal`: libpcap does not optimise such
 * a filter, and only that follows.
 *
 * @returns whether libpcap refuses the filter as one that rejects all packets
 * @throws one of the refusals, where the value is still there when branches have been moved
 */
export function optimise(
  graph: FilterGraph,
  literal = false,
  refusals: FilterProgram['refusals'] = undefined,
): { readonly rejectsAll: boolean } {
  if (!literal) moveBranches(graph)
  if (refusals !== undefined) refuse(graph, refusals)
  for (const node of inOrder(graph.root)) simplifyValues(graph, node, literal)
  merge(graph)
  if (!literal) skipRoot(graph)
  const rejectsAll = graph.root === graph.reject
  for (const node of inOrder(graph.root)) simplifyTest(graph, node)
  guardOffsets(graph)
  merge(graph)
  const small = inOrder(graph.root).length <= MOST_NODES
  for (let round = 0; small && round < MOST_ROUNDS; round++) {
    const moved = useFacts(graph)
    if (!merge(graph) && !moved) break
  }
  return { rejectsAll }
}

/** Throws what is refused of the values that are left. */
function refuse(graph: FilterGraph, refusals: NonNullable<FilterProgram['refusals']>): void {
  const wrong = new Map([...refusals].map(([value, error]) => [graph.values.read(value), error] as const))
  const seen = new Set<ValueId>()
  const visit = (value: ValueId): void => {
    if (seen.has(value)) return
    seen.add(value)
    const error = wrong.get(value)
    if (error !== undefined) throw error
    for (const operand of graph.values.operands(value)) visit(operand)
  }
  for (const { test } of inOrder(graph.root)) {
    if (test === undefined) continue
    visit(test.left)
    visit(test.right)
  }
}

/**
 * Drops tests at the start that lead to one place, as libpcap does: what the first one loads and assigns stays, unless
 * nothing follows, that of the next ones goes.
 */
function skipRoot(graph: FilterGraph): void {
  const first = graph.root
  while (graph.root.whenTrue !== undefined && skippable(graph.root, first)) graph.root = graph.root.whenTrue
  if (graph.root === first || graph.root.whenTrue === undefined) return
  const start = graph.node(undefined, graph.root, graph.root)
  start.effects = first.effects
  graph.root = start
}

/** A node leads to one place, and nothing of what it does is needed there. */
function skippable(node: Node, first: Node): boolean {
  const { whenTrue, whenFalse, effects } = node
  return whenTrue === whenFalse && (node === first || effects.every((effect) => effect.kind === 'touch'))
}

/** Simplifies what a node computes, and decides tests of two constants. `literal`: all that is loaded still is. */
function simplifyValues(graph: FilterGraph, node: Node, literal: boolean): void {
  const { values } = graph
  const lost = (value: ValueId): Effect[] => {
    if (!literal) return []
    const kept = values.loads(values.simplify(value))
    return [...values.loads(value)]
      .map((load) => values.simplify(load))
      .filter((load) => !kept.has(load) && values.loads(load).has(load))
      .map((load) => ({ kind: 'touch', value: load }))
  }
  node.effects = node.effects.flatMap((effect) => {
    if (effect.kind === 'loop') {
      for (const inner of inOrder(effect.body)) simplifyValues(graph, inner, literal)
      return effect
    }
    return [...lost(effect.value), { ...effect, value: values.simplify(effect.value) }]
  })
  if (node.test === undefined) return
  node.effects = [...node.effects, ...lost(node.test.left), ...lost(node.test.right)]
  const test = {
    ...node.test,
    left: values.simplify(node.test.left),
    right: values.simplify(node.test.right),
  }
  node.test = test
  if (values.constantOf(test.left) !== undefined && values.constantOf(test.right) !== undefined) {
    simplifyTest(graph, node)
  }
}

/** Makes equal nodes one. */
function merge(graph: FilterGraph): boolean {
  const known = new Map<string, Node>()
  const become = new Map<Node, Node>()
  let merged = false
  for (const node of inOrder(graph.root).toReversed()) {
    if (node.whenTrue === undefined || node.whenFalse === undefined) continue
    node.whenTrue = become.get(node.whenTrue) ?? node.whenTrue
    node.whenFalse = become.get(node.whenFalse) ?? node.whenFalse
    // Both ways lead to one place: the test is none, but its loads have to be made.
    if (node.whenTrue === node.whenFalse && node.test !== undefined) {
      const { left, right } = node.test
      const touched = [left, right].flatMap((side) => [...graph.values.loads(side)])
      node.effects = [...node.effects, ...touched.map((value) => ({ kind: 'touch', value }) as const)]
      node.test = undefined
    }
    const key = keyOf(node)
    if (key === undefined) continue
    const same = known.get(key)
    if (same === undefined) known.set(key, node)
    else {
      become.set(node, same)
      merged = true
    }
  }
  graph.root = become.get(graph.root) ?? graph.root
  return merged
}

function keyOf({ effects, test, whenTrue, whenFalse }: Node): string | undefined {
  const before = effects.map((effect) => {
    if (effect.kind === 'loop') return undefined
    return effect.kind === 'assign' ? `${effect.variable}=${effect.value}` : `${effect.value}`
  })
  if (before.includes(undefined)) return undefined
  const tested = test === undefined ? '' : `${test.op} ${test.left} ${test.right}`
  return `${before.join(';')}:${tested}:${whenTrue!.id}:${whenFalse!.id}`
}

/** Moves edges past tests that are decided on them, and drops what need not be loaded. */
function useFacts(graph: FilterGraph): boolean {
  const { values } = graph
  const order = inOrder(graph.root)
  const variables = new Variables(graph, order)
  const at = new Map<Node, Facts>([[graph.root, new Facts(values)]])
  let moved = false

  const tested = (node: Node): readonly [ValueId, ValueId] => {
    const env = variables.atTest(node)
    return [variables.resolve(node.test!.left, env), variables.resolve(node.test!.right, env)]
  }
  /** Follows an edge with what is known on it as far as that decides. */
  const follow = (start: Node, facts: Facts): Node => {
    let node = start
    while (node.whenTrue !== undefined && node.effects.length === 0) {
      if (node.test === undefined) {
        node = node.whenTrue
        continue
      }
      // What is behind a place where variables meet may differ from path to path.
      const [left, right] = tested(node).map((id) => values.simplify(id)) as [ValueId, ValueId]
      const holds = facts.decide(node.test.op, left, right)
      const next = holds === undefined ? undefined : holds ? node.whenTrue : node.whenFalse!
      if (next === undefined) break
      const needed = [left, right].some((id) => [...values.loads(id)].some((load) => !facts.loaded.has(load)))
      if (needed && next !== graph.reject) break
      node = next
    }
    if (node !== start) moved = true
    return node
  }
  const arrive = (node: Node, facts: Facts): void => {
    const known = at.get(node)
    at.set(node, known === undefined ? facts : known.meet(facts))
  }

  const lastUse = lastUses(graph, order, variables)
  graph.root = follow(graph.root, new Facts(values))
  at.set(graph.root, new Facts(values))
  for (const [place, node] of order.entries()) {
    let facts = at.get(node)
    at.delete(node)
    if (facts === undefined || node.whenTrue === undefined || node.whenFalse === undefined) continue
    facts = facts.pruned((id) => (lastUse.get(id) ?? -1) >= place)
    facts = dropTouches(graph, node, facts, variables)
    if (node.test === undefined) {
      node.whenTrue = follow(node.whenTrue, facts)
      node.whenFalse = node.whenTrue
      arrive(node.whenTrue, facts)
      continue
    }
    const [left, right] = tested(node).map((id) => values.simplify(id)) as [ValueId, ValueId]
    facts = facts.withLoads([left, right])
    const yes = facts.after(node.test.op, left, right, true)
    const no = facts.after(node.test.op, left, right, false)
    if (yes === undefined || no === undefined) {
      const next = follow(yes === undefined ? node.whenFalse : node.whenTrue, facts)
      if (node.whenTrue !== node.whenFalse) moved = true
      node.whenTrue = next
      node.whenFalse = next
      arrive(next, facts)
      continue
    }
    node.whenTrue = follow(node.whenTrue, yes)
    arrive(node.whenTrue, yes)
    node.whenFalse = follow(node.whenFalse, no)
    arrive(node.whenFalse, no)
  }
  return moved
}

/** The places of the last nodes for which it matters what is known of a value. */
function lastUses(graph: FilterGraph, order: readonly Node[], variables: Variables): Map<ValueId, number> {
  const { values } = graph
  const last = new Map<ValueId, number>()
  const visit = (id: ValueId, place: number): void => {
    if (last.has(id)) return
    last.set(id, place)
    for (const operand of values.operands(id)) visit(operand, place)
  }
  for (let place = order.length - 1; place >= 0; place--) {
    const { test, effects } = order[place]!
    const env = variables.atTest(order[place]!)
    const sides = test === undefined ? [] : [test.left, test.right]
    for (const side of sides) visit(values.simplify(variables.resolve(side, env)), place)
    let before = variables.entry(order[place]!)
    for (const effect of effects) {
      if (effect.kind !== 'loop') visit(values.simplify(variables.resolve(effect.value, before)), place)
      before = variables.follow(effect, before)
    }
  }
  return last
}

/** Loads for nothing but their being inside the packet, where that is known or the packet is rejected anyway. */
function dropTouches(graph: FilterGraph, node: Node, before: Facts, variables: Variables): Facts {
  let facts = before
  let env = variables.entry(node)
  const toReject = node.whenTrue === graph.reject && node.whenFalse === graph.reject
  node.effects = node.effects.filter((effect) => {
    const here = env
    env = variables.follow(effect, env)
    if (effect.kind === 'loop') return true
    const value = graph.values.simplify(variables.resolve(effect.value, here))
    const loads = [...graph.values.loads(value)]
    const known = loads.every((load) => facts.loaded.has(load))
    // An assignment that nothing reads is made by nobody: its loads tell nothing.
    if (effect.kind === 'touch') facts = facts.withLoads([value])
    return effect.kind !== 'touch' || !(known || toReject)
  })
  return facts
}
