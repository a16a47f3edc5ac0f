import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyse, type FlowGraph, isReducible } from './graph.ts'
import { makeReducible, type ReducibleGraph } from './reducible.ts'
import { type Step, structure } from './structure.ts'
import { unrollLoops } from './unroll.ts'

/** Decides the n-th branch of a walk at an original node with that many ways to go. */
type Oracle = (node: number, visit: number, ways: number) => number

/** The nodes that a walk passes, up to a limit. */
function walkGraph(graph: FlowGraph, choose: Oracle, limit: number): number[] {
  const visits: number[] = []
  let node: number | undefined = graph.entry
  while (node !== undefined && visits.length < limit) {
    visits.push(node)
    const succs: readonly number[] = graph.succs[node]!
    node = succs.length < 2 ? succs[0] : succs[choose(node, visits.length, succs.length)]
  }
  return visits
}

/** Runs structured steps as WebAssembly runs blocks, and returns the original nodes whose code was passed. */
function walkSteps(steps: readonly Step[], graph: ReducibleGraph, choose: Oracle, limit: number): number[] {
  const ends = new Map<number, number>()
  const open: number[] = []
  steps.forEach((step, at) => {
    if (step.op === 'block' || step.op === 'loop' || step.op === 'if') open.push(at)
    else if (step.op === 'end') ends.set(open.pop()!, at)
  })
  expect(open).toEqual([])

  const visits: number[] = []
  const scopes: number[] = []
  let selector = 0
  let condition = false
  const branch = (label: number): number => {
    for (;;) {
      const opener = scopes.at(-1)
      if (opener === undefined) throw new Error(`label ${label} is not in scope`)
      const step = steps[opener]!
      if (step.op === 'loop' && step.label === label) return opener + 1
      scopes.pop()
      if (step.op === 'block' && step.label === label) return ends.get(opener)! + 1
    }
  }
  for (let at = 0; visits.length <= limit; ) {
    const step = steps[at]
    if (!step) throw new Error('ran off the end')
    at++
    switch (step.op) {
      case 'block':
      case 'loop':
        scopes.push(at - 1)
        break
      case 'end':
        scopes.pop()
        break
      case 'if':
        if (condition === step.when) scopes.push(at - 1)
        else at = ends.get(at - 1)! + 1
        break
      case 'br':
        at = branch(step.label)
        break
      case 'br_if':
        if (condition === step.when) at = branch(step.label)
        break
      case 'switch':
        at = branch(step.labels[selector]!)
        break
      case 'code': {
        const role = graph.roles[step.node]!
        if (role.kind === 'route') selector = role.selector
        if (role.kind !== 'original') break
        if (visits.length === limit) return visits
        visits.push(role.node)
        const ways = graph.succs[step.node]!.length
        if (ways === 0) return visits
        if (ways > 1) {
          const way = choose(role.node, visits.length, ways)
          condition = way === 0
          selector = way
        }
        break
      }
    }
  }
  return visits
}

const oracleOf =
  (seed: number): Oracle =>
  (node, visit, ways) => {
    let hash = Math.imul(seed ^ (node * 0x9e3779b1) ^ (visit * 0x85ebca6b), 0xc2b2ae35)
    hash ^= hash >>> 15
    return (Math.imul(hash, 0x2c1b3c6d) >>> 8) % ways
  }

function checkGraph(
  graph: FlowGraph,
  budget: number,
  finish = (made: ReducibleGraph) => made,
): ReducibleGraph {
  const reducible = finish(makeReducible(graph, () => 1, budget))
  expect(isReducible(reducible, analyse(reducible))).toBe(true)
  const steps = structure(reducible)
  for (let seed = 0; seed < 8; seed++) {
    const choose = oracleOf(seed)
    expect(walkSteps(steps, reducible, choose, 60)).toEqual(walkGraph(graph, choose, 60))
  }
  return reducible
}

/** Graphs as BPF makes them: up to two ways out of a node, any edges at all. */
const anyGraph = fc
  .integer({ min: 1, max: 14 })
  .chain((nodes) =>
    fc.array(fc.array(fc.nat(nodes - 1), { maxLength: 2 }), { minLength: nodes, maxLength: nodes }),
  )

/** Mostly forward edges, as compilers lay code out. */
const forwardGraph = fc
  .integer({ min: 2, max: 30 })
  .chain((nodes) =>
    fc.tuple(
      ...Array.from({ length: nodes }, (_, n) =>
        n === nodes - 1
          ? fc.constant<number[]>([])
          : fc
              .tuple(fc.integer({ min: n + 1, max: nodes - 1 }), fc.boolean(), fc.nat(9), fc.nat(nodes - 1))
              .map(([target, conditional, back, any]) =>
                conditional ? [back === 0 ? any : target, n + 1] : [n + 1],
              ),
      ),
    ),
  )

describe('structure', () => {
  it('walks every graph as the graph itself does, with a dispatch node for what has several entries', () => {
    fc.assert(
      fc.property(anyGraph, (succs) => {
        checkGraph({ entry: 0, succs }, 0)
      }),
      { numRuns: 1000 },
    )
  })

  it('does so with copied nodes too, and with a budget that runs out', () => {
    fc.assert(
      fc.property(anyGraph, fc.nat(40), (succs, budget) => {
        const { roles } = checkGraph({ entry: 0, succs }, budget)
        const originals = roles.filter(({ kind }) => kind === 'original').length
        expect(originals).toBeLessThanOrEqual(succs.length + budget)
      }),
      { numRuns: 1000 },
    )
  })

  it('walks graphs that look like compiled code', () => {
    fc.assert(
      fc.property(forwardGraph, (succs) => {
        checkGraph({ entry: 0, succs }, 100)
      }),
      { numRuns: 1000 },
    )
  })

  it('walks graphs whose small loops are written twice', () => {
    let grown = 0
    fc.assert(
      fc.property(fc.oneof(anyGraph, forwardGraph), fc.nat(20), (succs, budget) => {
        const unrolled = checkGraph({ entry: 0, succs }, budget, (made) => unrollLoops(made, () => 1))
        if (unrolled.succs.length > succs.length) grown++
      }),
      { numRuns: 1000 },
    )
    expect(grown).toBeGreaterThan(300)
  })

  it('does not write loops twice that are large, hold others, or dispatch', () => {
    const unroll = (succs: number[][], weight = 1, budget = 9): number =>
      unrollLoops(
        makeReducible({ entry: 0, succs }, () => 1, budget),
        () => weight,
      ).roles.length
    expect(unroll([[1], [1, 2], []])).toBe(4)
    expect(unroll([[1], [1, 2], []], 33)).toBe(3)
    expect(unroll([[1], [2], [2, 3], [1, 4], []])).toBe(6)
    const twoEntries = [[1, 2], [2], [1, 3], []]
    expect(unroll(twoEntries, 1, 0)).toBe(
      makeReducible({ entry: 0, succs: twoEntries }, () => 1, 0).roles.length,
    )
  })

  it('walks graphs with switches', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }).chain((nodes) =>
          fc.record({
            succs: fc.array(fc.array(fc.nat(nodes - 1), { maxLength: 2 }), {
              minLength: nodes,
              maxLength: nodes,
            }),
            targets: fc.array(fc.nat(nodes - 1), { minLength: 3, maxLength: 5 }),
            at: fc.nat(nodes - 1),
          }),
        ),
        ({ succs, targets, at }) => {
          const all = succs.map((list, node) => (node === at ? targets : list))
          checkGraph({ entry: 0, succs: all, switches: new Set([at]) }, 20)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('copies nothing and adds no node where the graph is reducible', () => {
    const succs = [[1], [2, 3], [1], []]
    expect(makeReducible({ entry: 0, succs }, () => 1, 100).succs).toEqual(succs)
    expect(structure({ entry: 0, succs }).map(({ op }) => op)).toEqual([
      'code',
      'loop',
      'code',
      'if',
      'code',
      'br',
      'end',
      'code',
      'end',
    ])
  })

  it('leaves out branches to the end of a block that follows', () => {
    const diamond = [[1, 2], [3], [3], []]
    const ops = structure({ entry: 0, succs: diamond }).map(({ op }) => op)
    expect(ops).toEqual(['block', 'code', 'if', 'code', 'br', 'end', 'code', 'end', 'code'])
  })

  it('splits a small loop with two entries, and dispatches when it may not', () => {
    const succs = [[1, 2], [2], [1, 3], []]
    const graph = { entry: 0, succs }
    const split = makeReducible(graph, () => 1, 1)
    expect(split.roles.map(({ kind }) => kind)).toEqual(Array(5).fill('original'))
    const dispatched = makeReducible(graph, () => 1, 0)
    expect(dispatched.roles.filter(({ kind }) => kind === 'dispatch')).toHaveLength(1)
  })

  it('takes long chains and deep nests without running out of stack, and in little time', () => {
    const nodes = 50_000
    const chain = Array.from({ length: nodes }, (_, n) =>
      n + 1 === nodes ? [] : n % 3 ? [n + 1] : [Math.min(n + 5, nodes - 1), n + 1],
    )
    expect(structure({ entry: 0, succs: chain }).filter(({ op }) => op === 'code')).toHaveLength(nodes)
    const ladder = Array.from({ length: nodes }, (_, n) =>
      n + 1 === nodes ? [] : n + 2 === nodes ? [n + 1] : [nodes - 1, n + 1],
    )
    expect(structure({ entry: 0, succs: ladder }).filter(({ op }) => op === 'br_if')).toHaveLength(nodes - 2)
  })
})
