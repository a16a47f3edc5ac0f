import { analyse } from './graph.ts'
import type { NodeRole, ReducibleGraph } from './reducible.ts'

/** Slots of a loop that is worth a second copy. */
const LARGEST_LOOP = 32

/**
 * Writes the bodies of small innermost loops twice, each copy going on to the other. Every turn of a wasm loop costs the host
 * a look at its interrupt flag; this way it looks once in two turns. V8 unrolls such loops further by itself; more copies made
 * here take that away again.
 */
export function unrollLoops(graph: ReducibleGraph, weight: (node: number) => number): ReducibleGraph {
  const { order, place, preds } = analyse(graph)
  const loops = new Map<number, Set<number>>()
  for (const node of order) {
    for (const succ of graph.succs[node]!) {
      if (place[succ]! > place[node]!) continue
      const body = loops.get(succ) ?? new Set([succ])
      loops.set(succ, body)
      body.add(node)
      // Everything from which the back edge is reached without passing the header.
      const work = node === succ ? [] : [node]
      for (let member = work.pop(); member !== undefined; member = work.pop()) {
        for (const pred of preds[member]!) {
          if (body.has(pred)) continue
          body.add(pred)
          work.push(pred)
        }
      }
    }
  }
  if (loops.size === 0) return graph

  const roles: NodeRole[] = [...graph.roles]
  const succs = graph.succs.map((list) => [...list])
  for (const [header, body] of loops) {
    let size = 0
    let simple = true
    for (const node of body) {
      const role = graph.roles[node]!
      simple &&=
        role.kind === 'original' && !graph.switches?.has(node) && (node === header || !loops.has(node))
      if (role.kind === 'original') size += weight(role.node)
    }
    if (!simple || size > LARGEST_LOOP) continue
    const copies = new Map<number, number>()
    for (const node of body) {
      copies.set(node, succs.length)
      succs.push([])
      roles.push(graph.roles[node]!)
    }
    const again = copies.get(header)!
    for (const [node, copy] of copies) {
      succs[copy] = graph.succs[node]!.map((succ) => (succ === header ? header : (copies.get(succ) ?? succ)))
      succs[node] = succs[node]!.map((succ) => (succ === header ? again : succ))
    }
  }
  return { ...graph, roles, succs }
}
