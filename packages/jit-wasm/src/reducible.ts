import { analyse, cycles, type FlowGraph, isReducible } from './graph.ts'

/** What stands behind a node of a graph that was made reducible. */
export type NodeRole =
  /** A node of the original graph, or a copy of it. */
  | { readonly kind: 'original'; readonly node: number }
  /** Sets the selector; its one successor is a dispatch node. */
  | { readonly kind: 'route'; readonly selector: number }
  /** Goes to the successor that the selector names. */
  | { readonly kind: 'dispatch' }

export interface ReducibleGraph extends FlowGraph {
  readonly roles: readonly NodeRole[]
}

/**
 * Makes every loop have one entry. A loop with several is repaired by copying the nodes that its other entries lead
 * through, while the copies' weight stays within `budget` for the whole graph; after that by a dispatch node in front of the
 * loop, which all its entries are reached through.
 */
export function makeReducible(
  graph: FlowGraph,
  weight: (node: number) => number,
  budget: number,
): ReducibleGraph {
  const roles: NodeRole[] = graph.succs.map((_, node) => ({ kind: 'original', node }))
  const first = analyse(graph)
  if (isReducible(graph, first)) return { ...graph, roles }

  const succs = graph.succs.map((list) => [...list])
  const switches = new Set(graph.switches)
  const reachable = new Set(first.order)
  let entry = graph.entry
  let left = budget

  const add = (role: NodeRole, to: readonly number[]): number => {
    roles.push(role)
    succs.push([...to])
    reachable.add(succs.length - 1)
    return succs.length - 1
  }
  const weightOf = (nodes: Iterable<number>): number => {
    let sum = 0
    for (const node of nodes) {
      const role = roles[node]!
      sum += role.kind === 'original' ? weight(role.node) : 1
    }
    return sum
  }
  const entriesOf = (loop: ReadonlySet<number>): number[] => {
    const entries = new Set<number>()
    if (loop.has(entry)) entries.add(entry)
    for (const node of reachable) {
      if (!loop.has(node)) for (const succ of succs[node]!) if (loop.has(succ)) entries.add(succ)
    }
    return [...entries]
  }
  /** Nodes of the loop that paths from the other entries go through before they come to `header`. */
  const strays = (loop: ReadonlySet<number>, entries: readonly number[], header: number): Set<number> => {
    const found = new Set(entries.filter((node) => node !== header))
    for (const node of found) {
      for (const succ of succs[node]!) if (succ !== header && loop.has(succ)) found.add(succ)
    }
    return found
  }
  const redirect = (from: Iterable<number>, to: ReadonlyMap<number, number>): void => {
    for (const node of from) succs[node] = succs[node]!.map((succ) => to.get(succ) ?? succ)
  }
  const outsideOf = (loop: ReadonlySet<number>): number[] => [...reachable].filter((node) => !loop.has(node))

  const split = (loop: ReadonlySet<number>, nodes: ReadonlySet<number>): Set<number> => {
    const outside = outsideOf(loop)
    const copies = new Map<number, number>()
    for (const node of nodes) copies.set(node, add(roles[node]!, succs[node]!))
    for (const [node, copy] of copies) if (switches.has(node)) switches.add(copy)
    redirect(copies.values(), copies)
    redirect(outside, copies)
    entry = copies.get(entry) ?? entry
    return new Set(copies.values())
  }
  const dispatch = (loop: ReadonlySet<number>, entries: readonly number[]): Set<number> => {
    const outside = outsideOf(loop)
    const hub = add({ kind: 'dispatch' }, entries)
    switches.add(hub)
    const routes = (): Map<number, number> =>
      new Map(entries.map((node, selector) => [node, add({ kind: 'route', selector }, [hub])]))
    const fromOutside = routes()
    const fromInside = routes()
    redirect(outside, fromOutside)
    redirect(loop, fromInside)
    entry = fromOutside.get(entry) ?? entry
    return new Set([...loop, ...fromInside.values()])
  }

  const work: Set<number>[] = [new Set(reachable)]
  for (let region = work.pop(); region; region = work.pop()) {
    for (const loop of cycles(succs, region)) {
      const entries = entriesOf(loop)
      if (entries.length === 1) {
        loop.delete(entries[0]!)
        work.push(loop)
        continue
      }
      let best: { header: number; nodes: Set<number>; cost: number } | undefined
      for (const header of entries) {
        const nodes = strays(loop, entries, header)
        const cost = weightOf(nodes)
        if (!best || cost < best.cost) best = { header, nodes, cost }
      }
      if (best && best.cost <= left) {
        left -= best.cost
        work.push(split(loop, best.nodes))
        loop.delete(best.header)
        work.push(loop)
      } else {
        work.push(dispatch(loop, entries))
      }
    }
  }
  return { entry, succs, switches, roles }
}
