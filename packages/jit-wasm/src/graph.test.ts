import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyse, cycles, type FlowGraph } from './graph.ts'

const anyGraph = fc
  .integer({ min: 1, max: 16 })
  .chain((nodes) =>
    fc.array(fc.array(fc.nat(nodes - 1), { maxLength: 3 }), { minLength: nodes, maxLength: nodes }),
  )

/** Nodes reachable from `from` without going through `without`. */
function reach({ succs }: FlowGraph, from: number, without = -1): Set<number> {
  const found = new Set(from === without ? [] : [from])
  for (const node of found) for (const succ of succs[node]!) if (succ !== without) found.add(succ)
  return found
}

describe('analyse', () => {
  it('orders what is reached, and finds the nearest dominator by its definition', () => {
    fc.assert(
      fc.property(anyGraph, (succs) => {
        const graph = { entry: 0, succs }
        const { order, place, preds, idom } = analyse(graph)
        const reached = reach(graph, 0)
        expect(new Set(order)).toEqual(reached)
        expect(order.length).toBe(reached.size)
        succs.forEach((_, node) => {
          expect(place[node]).toBe(order.indexOf(node))
          expect(preds[node]!.length).toBe(
            [...reached].flatMap((from) => succs[from]!.filter((to) => to === node)).length,
          )
          if (!reached.has(node)) expect(idom[node]).toBe(-1)
        })
        const dominators = (node: number): number[] =>
          [...reached].filter((by) => by !== node && !reach(graph, 0, by).has(node))
        for (const node of reached) {
          if (node === 0) expect(idom[0]).toBe(0)
          else {
            const all = dominators(node)
            const nearest = all.find((by) =>
              all.every((other) => other === by || dominators(by).includes(other)),
            )
            expect(idom[node]).toBe(nearest)
            expect(place[idom[node]!]).toBeLessThan(place[node]!)
          }
        }
      }),
      { numRuns: 1500 },
    )
  })

  it('finds the cycles among some nodes', () => {
    fc.assert(
      fc.property(anyGraph, fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }), (succs, chosen) => {
        const members = new Set([...succs.keys()].filter((node) => chosen[node]))
        const inside = { entry: 0, succs: succs.map((list) => list.filter((to) => members.has(to))) }
        const found = cycles(succs, members)
        for (const a of members) {
          const withA = found.filter((component) => component.has(a))
          expect(withA.length).toBe(inside.succs[a]!.some((to) => reach(inside, to).has(a)) ? 1 : 0)
          for (const b of members) {
            const together = reach(inside, a).has(b) && reach(inside, b).has(a)
            if (a !== b) expect(withA.some((component) => component.has(b))).toBe(together)
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('is not slowed by a node that thousands of others lead to', () => {
    const nodes = 200_000
    const succs = Array.from({ length: nodes }, (_, n) => (n + 1 === nodes ? [] : [nodes - 1, n + 1]))
    const { idom } = analyse({ entry: 0, succs })
    expect(idom[nodes - 1]).toBe(0)
    expect(idom[nodes - 2]).toBe(nodes - 3)
  })
})
