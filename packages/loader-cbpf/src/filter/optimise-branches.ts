import { ByNode } from './by-node.ts'
import { COMPARISONS } from './evaluate.ts'
import { type FilterGraph, inOrder, type Node, type Test, type TestOp } from './graph.ts'
import { liveVariables, Variables } from './optimise-env.ts'
import type { ValueId, Values } from './values.ts'

/** Which way out of a node. */
type Way = 'whenTrue' | 'whenFalse'

/** A way out of a node, as it is at the start of a round. */
interface Edge {
  readonly from: Node
  readonly way: Way
  /** The nearest of the edges that every path to this one goes over. */
  readonly above: Edge | undefined
  readonly depth: number
  /** The nearest of these, or this one, behind which a value is known to equal a constant. */
  readonly equal: Edge | undefined
  /** Its place among the edges in an order in which those that it is above of follow it, and the last of them. */
  span: Span
}

interface Span {
  first: number
  last: number
}

/** What a node tests, with variables replaced by what they hold. */
interface Decision {
  readonly op: TestOp
  /** The value is compared with a constant. */
  readonly constant: boolean
  readonly left: ValueId
  readonly right: ValueId
}

/** As many as libpcap goes through when only branches move, which may go on for ever. */
const MOST_ROUNDS = 100
/** Steps of looking for what is above and what to pull up, of all rounds: filters of thousands of tests are left as they are then. */
const MOST_STEPS = 5_000_000
/** Nodes gone through, of all rounds. */
const MOST_VISITS = 60_000

/**
 * Moves branches as libpcap 1.10 does (optimize.c: opt_j, or_pullup, and_pullup), until nothing moves any more. Which
 * packets are accepted although some load is outside of them depends on the order of tests, and so on every single move:
 * filters are to accept what they accept with tcpdump.
 */
export function moveBranches(graph: FilterGraph): void {
  const budget = { steps: MOST_STEPS }
  const rounds = Math.min(MOST_ROUNDS, Math.max(2, MOST_VISITS / inOrder(graph.root).length))
  for (let round = 0; round < rounds; round++) {
    const moves = new Round(graph, budget, round === 0)
    if (budget.steps <= 0 || !moves.run()) return
  }
}

/** What a node becomes before branches are moved in a round. */
interface Change {
  readonly test: Test
  /** The value that libpcap takes it to test in this round; later it is that of the test. */
  readonly value: ValueId
  /** What follows a true and a false test change places. */
  readonly turned: boolean
  /** The test is decided. */
  readonly holds: boolean | undefined
}

/**
 * Equality is a difference of 0, and that masked bits are 0 is a test of bits: in the `first` round libpcap makes these of
 * them, but still takes the value for the difference, or the masked one. A test of two constants is decided, and one for no
 * bits.
 */
function changeOf(values: Values, test: Test, first: boolean): Change | undefined {
  const { op, left, right } = test
  const [a, b] = [values.constantOf(left), values.constantOf(right)]
  const def = values.def(left)
  if (first && op === 'eq' && b === 0 && def.op === 'sub') {
    const equal: Test = { op: 'eq', left: def.left, right: def.right }
    return { test: equal, value: left, turned: false, holds: undefined }
  }
  if (first && op === 'eq' && b === 0 && def.op === 'and') {
    const mask = values.constantOf(def.right)
    const bits: Test = { op: 'set', left: def.left, right: def.right }
    const holds = mask === 0 ? false : undefined
    if (mask !== undefined) return { test: bits, value: left, turned: true, holds }
  }
  if (b === undefined || (a === undefined && (op !== 'set' || b !== 0))) return undefined
  return { test, value: left, turned: false, holds: COMPARISONS[op](a ?? 0, b) }
}

class Round {
  readonly #graph: FilterGraph
  readonly #levels: Node[][] = []
  readonly #order: readonly Node[]
  readonly #live: ReadonlyMap<Node, ReadonlySet<number>>
  readonly #decisions: ByNode<Decision>
  readonly #edges: ByNode<Record<Way, Edge>>
  readonly #above: ByNode<{ readonly node: Node | undefined; readonly depth: number }>
  readonly #spans: ByNode<Span>
  /** Edges by what is decided on them: those that none of the others is above of, in the order of their places. */
  readonly #decided = new Map<string, Edge[]>()
  readonly #budget: { steps: number }
  readonly #changes = new Map<Node, Change>()
  #in: ByNode<{ from: Node; way: Way }[]>
  #moved = false

  constructor(graph: FilterGraph, budget: { steps: number }, first: boolean) {
    this.#graph = graph
    this.#budget = budget
    this.#order = inOrder(graph.root)
    this.#decisions = new ByNode(this.#order)
    this.#edges = new ByNode(this.#order)
    this.#above = new ByNode(this.#order)
    this.#spans = new ByNode(this.#order)
    this.#in = new ByNode(this.#order)
    this.#live = liveVariables(graph, this.#order)
    this.#findLevels()
    for (const node of this.#order) {
      const change = node.test && changeOf(graph.values, node.test, first)
      if (change !== undefined) this.#changes.set(node, change)
    }
    this.#findDecisions()
    this.#findDominators()
  }

  /** libpcap goes on with what it knew of the edges before. */
  #applyChanges(): void {
    for (const [node, { test, turned, holds }] of this.#changes) {
      if (test !== node.test) this.#moved = true
      node.test = test
      if (turned) [node.whenTrue, node.whenFalse] = [node.whenFalse, node.whenTrue]
      if (holds === undefined || node.whenTrue === node.whenFalse) continue
      if (holds) node.whenFalse = node.whenTrue
      else node.whenTrue = node.whenFalse
      this.#moved = true
    }
  }

  /** False if nothing moved. */
  run(): boolean {
    this.#applyChanges()
    const upward = this.#levels.slice(1).flat()
    for (const node of upward) {
      this.#moveEdge(node, 'whenTrue')
      this.#moveEdge(node, 'whenFalse')
    }
    this.#findIncoming()
    for (const node of upward) {
      this.#pullUp(node, 'whenFalse', 'whenTrue')
      this.#pullUp(node, 'whenTrue', 'whenFalse')
    }
    return this.#moved
  }

  /** The longest way from each node to an end; within a level, what is found last comes first. */
  #findLevels(): void {
    const level = new ByNode<number>(this.#order)
    const stack: { node: Node; step: number }[] = [{ node: this.#graph.root, step: 0 }]
    const seen = new Set([this.#graph.root])
    while (stack.length > 0) {
      const top = stack.at(-1)!
      const { node } = top
      const next = [node.whenTrue, node.whenFalse][top.step++]
      if (top.step > 2) {
        stack.pop()
        const own = node.whenTrue ? Math.max(level.get(node.whenTrue)!, level.get(node.whenFalse!)!) + 1 : 0
        level.set(node, own)
        for (let n = this.#levels.length; n <= own; n++) this.#levels[n] = []
        this.#levels[own]!.push(node)
      } else if (next !== undefined && !seen.has(next)) {
        seen.add(next)
        stack.push({ node: next, step: 0 })
      }
    }
    for (const nodes of this.#levels) nodes.reverse()
  }

  #findDecisions(): void {
    const { values } = this.#graph
    const variables = new Variables(this.#graph, this.#order)
    for (const node of this.#order) {
      if (node.test === undefined) continue
      const env = variables.atTest(node)
      const { test, value } = this.#changes.get(node) ?? { test: node.test, value: node.test.left }
      const [left, right] = [variables.resolve(value, env), variables.resolve(test.right, env)]
      const constant = values.constantOf(right) !== undefined
      this.#decisions.set(node, { op: test.op, constant, left, right })
    }
  }

  #findDominators(): void {
    // Undefined where nothing has come yet, null where no edge is above.
    const entry = new ByNode<Edge | null>(this.#order)
    entry.set(this.#graph.root, null)
    this.#above.set(this.#graph.root, { node: undefined, depth: 0 })
    const all: Edge[] = []
    for (const node of this.#order) {
      if (node.whenTrue === undefined || node.whenFalse === undefined) continue
      const above = entry.get(node) ?? undefined
      const edges = {
        whenTrue: this.#edge(node, 'whenTrue', above),
        whenFalse: this.#edge(node, 'whenFalse', above),
      }
      this.#edges.set(node, edges)
      all.push(edges.whenTrue, edges.whenFalse)
      for (const way of ['whenTrue', 'whenFalse'] as const) {
        const next = node[way]!
        const before = entry.get(next)
        const met = before === undefined ? edges[way] : common(before ?? undefined, edges[way], this.#budget)
        entry.set(next, met ?? null)
        const known = this.#above.get(next)
        const common_ = known === undefined ? node : this.#commonNode(known.node, node)
        this.#above.set(next, { node: common_, depth: (common_ ? this.#above.get(common_)!.depth : 0) + 1 })
      }
    }
    number(
      all,
      ({ above }) => above,
      (edge, span) => {
        edge.span = span
      },
    )
    for (const [key, edges] of this.#decided) {
      const outer: Edge[] = []
      for (const edge of edges.sort((a, b) => a.span.first - b.span.first)) {
        const last = outer.at(-1)
        if (last === undefined || !contains(last.span, edge.span)) outer.push(edge)
      }
      this.#decided.set(key, outer)
    }
    const nodes = this.#order.filter((node) => this.#above.has(node))
    number(
      nodes,
      (node) => this.#above.get(node)!.node,
      (node, span) => this.#spans.set(node, span),
    )
  }

  #edge(from: Node, way: Way, above: Edge | undefined): Edge {
    const decision = this.#decisions.get(from)
    const span = { first: 0, last: 0 }
    const edge = { from, way, above, depth: (above?.depth ?? 0) + 1, equal: above?.equal, span }
    if (decision === undefined) return edge
    if (way === 'whenTrue' && decision.op === 'eq' && decision.constant) edge.equal = edge
    const key = keyOf(decision)
    const known = this.#decided.get(key)
    if (known) known.push(edge)
    else this.#decided.set(key, [edge])
    return edge
  }

  #commonNode(a: Node | undefined, b: Node | undefined): Node | undefined {
    let [left, right] = [a, b]
    while (left !== right && this.#budget.steps-- > 0) {
      const l = left ? this.#above.get(left)!.depth : -1
      const r = right ? this.#above.get(right)!.depth : -1
      if (l >= r) left = left && this.#above.get(left)!.node
      else right = right && this.#above.get(right)!.node
    }
    return left
  }

  /** Every path to `node` goes through `above`. */
  #dominates(above: Node, node: Node): boolean {
    const [outer, inner] = [this.#spans.get(above), this.#spans.get(node)]
    return outer !== undefined && inner !== undefined && contains(outer, inner)
  }

  #findIncoming(): void {
    this.#in = new ByNode(this.#order)
    const link = (to: Node, from: Node, way: Way): void => {
      const known = this.#in.get(to)
      if (known) known.unshift({ from, way })
      else this.#in.set(to, [{ from, way }])
    }
    for (const node of this.#levels.slice(1).toReversed().flat()) {
      link(node.whenTrue!, node, 'whenTrue')
      link(node.whenFalse!, node, 'whenFalse')
    }
  }

  /** Makes an edge go past nodes whose way is known there. */
  #moveEdge(from: Node, way: Way): void {
    let next = from[way]!
    if (next.whenTrue === undefined) return
    if (next.whenTrue === next.whenFalse && this.#maySkip(next, next.whenTrue)) {
      next = next.whenTrue
      from[way] = next
      this.#moved = true
    }
    while (next.whenTrue !== undefined) {
      const target = this.#known(next, this.#edges.get(from)![way])
      if (target === undefined || !this.#maySkip(next, target)) return
      next = target
      from[way] = next
      this.#moved = true
    }
  }

  /** What a node does is nothing that is needed from `target` on. */
  #maySkip({ effects }: Node, target: Node): boolean {
    const live = this.#live.get(target)
    return effects.every((effect) => effect.kind === 'assign' && live?.has(effect.variable) === false)
  }

  /** Where a node leads after one of the edges that all paths over `edge` go over. */
  #known(node: Node, edge: Edge): Node | undefined {
    const here = this.#decisions.get(node)
    if (here === undefined) return undefined
    const same = outermost(this.#decided.get(keyOf(here)), edge.span)
    if (same !== undefined) return node[same.way]
    if (here.op !== 'eq' || !here.constant) return undefined
    // The same value equals another constant.
    for (
      let above = edge.equal;
      above !== undefined && this.#budget.steps-- > 0;
      above = above.above?.equal
    ) {
      if (this.#left(above.from) === here.left) return node.whenFalse
    }
    return undefined
  }

  #left(node: Node | undefined): ValueId | undefined {
    return node && this.#decisions.get(node)?.left
  }

  /**
   * In a chain of nodes that all have one way, `shared`, in common, moves one that tests the value that was tested just
   * before the chain to its start.
   */
  #pullUp(node: Node, along: Way, shared: Way): void {
    const incoming = this.#in.get(node)
    const first = incoming?.[0]
    if (incoming === undefined || first === undefined) return
    const value = this.#left(first.from)
    if (value === undefined || incoming.some(({ from }) => this.#left(from) !== value)) return

    const inChain = (at: Node | undefined): at is Node =>
      at?.whenTrue !== undefined &&
      at[shared] === node[shared] &&
      this.#dominates(node, at) &&
      this.#budget.steps-- > 0
    let before: Node | undefined
    let other: Node | undefined = first.from.whenTrue === node ? first.from.whenTrue : first.from.whenFalse
    for (; ; before = other, other = other[along]) {
      if (!inChain(other)) return
      if (this.#left(other) !== value) break
    }
    let last = other
    let pulled: Node | undefined
    for (pulled = other[along]; ; last = pulled, pulled = pulled[along]) {
      if (!inChain(pulled)) return
      if (this.#left(pulled) === value) break
    }
    if (pulled.effects.length > 0) return
    last[along] = pulled[along]
    pulled[along] = other
    if (before !== undefined) before[along] = pulled
    else {
      for (const { from } of incoming) from[from.whenTrue === node ? 'whenTrue' : 'whenFalse'] = pulled
    }
    this.#moved = true
  }
}

const keyOf = ({ op, constant, left, right }: Decision): string => `${op} ${constant} ${left} ${right}`

const contains = (outer: Span, inner: Span): boolean =>
  outer.first <= inner.first && inner.first <= outer.last

/** The one of these, which are apart from each other and in order, that all paths to a place go over. */
function outermost(edges: readonly Edge[] | undefined, span: Span): Edge | undefined {
  if (edges === undefined) return undefined
  let [low, high] = [0, edges.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (edges[middle]!.span.first <= span.first) low = middle + 1
    else high = middle
  }
  const edge = edges[low - 1]
  return edge !== undefined && contains(edge.span, span) ? edge : undefined
}

/** Numbers what is in trees, each before what is below it. `all`: each behind what is above it. */
function number<T>(
  all: readonly T[],
  above: (one: T) => T | undefined,
  set: (one: T, span: Span) => void,
): void {
  const below = new Map<T | undefined, T[]>()
  for (const one of all) {
    const list = below.get(above(one))
    if (list) list.push(one)
    else below.set(above(one), [one])
  }
  let next = 0
  const stack = (below.get(undefined) ?? []).map((one) => ({ one, span: undefined as Span | undefined }))
  while (stack.length > 0) {
    const top = stack.at(-1)!
    if (top.span !== undefined) {
      top.span.last = next - 1
      stack.pop()
      continue
    }
    top.span = { first: next++, last: 0 }
    set(top.one, top.span)
    for (const one of below.get(top.one) ?? []) stack.push({ one, span: undefined })
  }
}

function common(a: Edge | undefined, b: Edge | undefined, budget: { steps: number }): Edge | undefined {
  let [left, right] = [a, b]
  while (left !== right && budget.steps-- > 0) {
    if ((left?.depth ?? 0) >= (right?.depth ?? 0)) left = left?.above
    else right = right?.above
  }
  return left
}
