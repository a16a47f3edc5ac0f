/**
 * A control-flow graph without content. Nodes are numbered from 0. A node without successors ends the function; with one it
 * jumps there; with two it takes the first when its condition holds and the second when not; a node in `switches` may have
 * any number and goes to the one that a selector names.
 */
export interface FlowGraph {
  readonly entry: number
  readonly succs: readonly (readonly number[])[]
  readonly switches?: ReadonlySet<number>
}

/** Order, predecessors and dominators of the nodes that the entry reaches. */
export interface FlowOrder {
  /** Reachable nodes in reverse post order: a node comes after all that dominate it. */
  readonly order: readonly number[]
  /** Place of each node in `order`, -1 for nodes that are not reached. */
  readonly place: Int32Array
  /** Reachable predecessors, each once for every edge. */
  readonly preds: readonly (readonly number[])[]
  /** The nearest node that every path to a node goes through; the entry's is itself, -1 for nodes that are not reached. */
  readonly idom: Int32Array
}

interface Walk {
  /** Nodes in reverse post order. */
  readonly order: number[]
  /** Nodes in the order of their first visit, and for each place in it the place of the node that it was come to from. */
  readonly visited: number[]
  readonly parents: number[]
}

/** A depth-first walk that takes a node's first successor last, so that it comes first in reverse post order. */
function walk(graph: FlowGraph): Walk {
  const seen = new Uint8Array(graph.succs.length)
  const next = new Int32Array(graph.succs.length)
  const order: number[] = []
  const visited: number[] = []
  const parents: number[] = []
  const stack: number[] = []
  const places: number[] = []
  const enter = (node: number): void => {
    seen[node] = 1
    parents.push(places.at(-1) ?? 0)
    places.push(visited.push(node) - 1)
    stack.push(node)
  }
  enter(graph.entry)
  while (stack.length > 0) {
    const node = stack.at(-1)!
    const succs = graph.succs[node]!
    const taken = next[node]!++
    if (taken < succs.length) {
      const succ = succs[succs.length - 1 - taken]!
      if (!seen[succ]) enter(succ)
    } else {
      order.push(node)
      stack.pop()
      places.pop()
    }
  }
  return { order: order.reverse(), visited, parents }
}

/** Immediate dominators by the Semi-NCA algorithm (Georgiadis, "Linear-Time Algorithms for Dominators", 2005). */
function dominators(preds: readonly (readonly number[])[], { visited, parents }: Walk): Int32Array {
  // All arrays here are by place in `visited`.
  const count = visited.length
  const placeOf = new Int32Array(preds.length).fill(-1)
  visited.forEach((node, n) => {
    placeOf[node] = n
  })
  const semi = Int32Array.from({ length: count }, (_, n) => n)
  const label = Int32Array.from({ length: count }, (_, n) => n)
  const ancestor = Int32Array.from(parents)
  const path: number[] = []
  /** The place with the least semidominator on the walk's path from `from` up to, but without, what is not linked yet. */
  const evaluate = (from: number, linked: number): number => {
    if (from < linked) return from
    path.length = 0
    let at = from
    for (; ancestor[at]! >= linked; at = ancestor[at]!) path.push(at)
    const root = ancestor[at]!
    let best = label[at]!
    for (let n = path.length - 1; n >= 0; n--) {
      const node = path[n]!
      ancestor[node] = root
      if (semi[best]! < semi[label[node]!]!) label[node] = best
      else best = label[node]!
    }
    return label[from]!
  }
  for (let n = count - 1; n > 0; n--) {
    for (const pred of preds[visited[n]!]!) {
      const best = evaluate(placeOf[pred]!, n + 1)
      if (semi[best]! < semi[n]!) semi[n] = semi[best]!
    }
  }
  const above = Int32Array.from(parents)
  const idom = new Int32Array(preds.length).fill(-1)
  for (let n = 0; n < count; n++) {
    while (above[n]! > semi[n]!) above[n] = above[above[n]!]!
    idom[visited[n]!] = visited[above[n]!]!
  }
  return idom
}

/** Orders the graph and finds the dominators. */
export function analyse(graph: FlowGraph): FlowOrder {
  const walked = walk(graph)
  const { order } = walked
  const place = new Int32Array(graph.succs.length).fill(-1)
  order.forEach((node, n) => {
    place[node] = n
  })
  const preds: number[][] = graph.succs.map(() => [])
  for (const node of order) for (const succ of graph.succs[node]!) preds[succ]!.push(node)
  return { order, place, preds, idom: dominators(preds, walked) }
}

/** Whether every edge that goes back in the order goes to a node that dominates its source: loops have one entry each. */
export function isReducible(graph: FlowGraph, { order, place, idom }: FlowOrder): boolean {
  for (const node of order) {
    for (const succ of graph.succs[node]!) {
      if (place[succ]! > place[node]!) continue
      let dominator = node
      while (place[dominator]! > place[succ]!) dominator = idom[dominator]!
      if (dominator !== succ) return false
    }
  }
  return true
}

/** Strongly connected components of the subgraph of `members` that contain a cycle (Tarjan's algorithm, without recursion). */
export function cycles(succs: readonly (readonly number[])[], members: ReadonlySet<number>): Set<number>[] {
  const index = new Map<number, number>()
  const low = new Map<number, number>()
  const onStack = new Set<number>()
  const stack: number[] = []
  const found: Set<number>[] = []
  for (const root of members) {
    if (index.has(root)) continue
    const walk: { node: number; next: number }[] = []
    const enter = (node: number): void => {
      index.set(node, index.size)
      low.set(node, index.get(node)!)
      stack.push(node)
      onStack.add(node)
      walk.push({ node, next: 0 })
    }
    enter(root)
    while (walk.length > 0) {
      const top = walk.at(-1)!
      const succ = succs[top.node]![top.next++]
      if (succ !== undefined) {
        if (!members.has(succ)) continue
        if (!index.has(succ)) enter(succ)
        else if (onStack.has(succ)) low.set(top.node, Math.min(low.get(top.node)!, index.get(succ)!))
        continue
      }
      walk.pop()
      const parent = walk.at(-1)
      if (parent) low.set(parent.node, Math.min(low.get(parent.node)!, low.get(top.node)!))
      if (low.get(top.node) !== index.get(top.node)) continue
      const component = new Set<number>()
      let member: number
      do {
        member = stack.pop()!
        onStack.delete(member)
        component.add(member)
      } while (member !== top.node)
      if (component.size > 1 || succs[top.node]!.includes(top.node)) found.push(component)
    }
  }
  return found
}
