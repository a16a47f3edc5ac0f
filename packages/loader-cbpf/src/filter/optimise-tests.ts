import { COMPARISONS } from './evaluate.ts'
import type { FilterGraph, Node, Test } from './graph.ts'
import type { ValueId, Values } from './values.ts'

const ANY = 0xffff_ffff

/** A test in its simplest form: decided, or to be read the other way round. */
export type Simplified =
  | { readonly kind: 'decided'; readonly holds: boolean }
  | { readonly kind: 'test'; readonly test: Test; readonly negated: boolean }

/** Simplifies a test, its values included; both ways out of the node change places where the new test is the opposite. */
export function simplifyTest(graph: FilterGraph, node: Node): void {
  if (node.test === undefined) return
  const simple = simplified(graph.values, node.test)
  if (simple.kind === 'decided') {
    const next = simple.holds ? node.whenTrue : node.whenFalse
    const lost = graph.values.loads(graph.values.simplify(node.test.left))
    for (const id of graph.values.loads(graph.values.simplify(node.test.right))) lost.add(id)
    node.effects = [...node.effects, ...[...lost].map((value) => ({ kind: 'touch', value }) as const)]
    node.test = undefined
    node.whenTrue = next
    node.whenFalse = next
    return
  }
  if (simple.negated) [node.whenTrue, node.whenFalse] = [node.whenFalse, node.whenTrue]
  node.test = simple.test
}

function simplified(values: Values, test: Test): Simplified {
  const { op } = test
  const [left, right] = [values.simplify(test.left), values.simplify(test.right)]
  const [a, b] = [values.constantOf(left), values.constantOf(right)]
  if (a !== undefined && b !== undefined) return { kind: 'decided', holds: COMPARISONS[op](a, b) }
  if (a !== undefined) return swapped(values, { op, left, right })
  if (b === undefined) {
    // The difference is 0: what libpcap makes of `=`.
    return { kind: 'test', test: { op, left, right }, negated: false }
  }
  return withConstant(values, op, left, b)
}

/** With the constant on the right. */
function swapped(values: Values, { op, left, right }: Test): Simplified {
  const simple = simplified(values, {
    op: op === 'gt' ? 'ge' : op === 'ge' ? 'gt' : op,
    left: right,
    right: left,
  })
  const turned = op === 'gt' || op === 'ge'
  if (!turned) return simple
  return simple.kind === 'decided'
    ? { kind: 'decided', holds: !simple.holds }
    : { ...simple, negated: !simple.negated }
}

function withConstant(values: Values, op: Test['op'], left: ValueId, k: number): Simplified {
  const decided = (holds: boolean): Simplified => ({ kind: 'decided', holds })
  const test = (newOp: Test['op'], value: ValueId, constant: number, negated = false): Simplified => ({
    kind: 'test',
    test: { op: newOp, left: value, right: values.constant(constant) },
    negated,
  })
  const max = values.max(left)
  const def = values.def(left)
  const again = (newOp: Test['op'], value: ValueId, constant: number, negated = false): Simplified => {
    const simple = withConstant(values, newOp, value, constant >>> 0)
    if (!negated) return simple
    return simple.kind === 'decided' ? decided(!simple.holds) : { ...simple, negated: !simple.negated }
  }
  switch (op) {
    case 'gt':
      if (k >= max) return decided(false)
      return k === 0 ? again('eq', left, 0, true) : test(op, left, k)
    case 'ge':
      if (k === 0) return decided(true)
      if (k > max) return decided(false)
      return k === 1 ? again('eq', left, 0, true) : test(op, left, k)
    case 'set':
      if (k === 0) return decided(false)
      if (def.op === 'and') {
        const mask = values.constantOf(def.right)
        if (mask !== undefined) return again('set', def.left, (mask & k) >>> 0)
      }
      return k === ANY ? again('eq', left, 0, true) : test(op, left, k)
    case 'eq': {
      if (k > max) return decided(false)
      if (!('left' in def)) return test(op, left, k)
      const c = values.constantOf(def.right)
      if (c === undefined) {
        return def.op === 'sub' && k === 0
          ? simplified(values, { op, left: def.left, right: def.right })
          : test(op, left, k)
      }
      if (def.op === 'add') return again(op, def.left, k - c)
      if (def.op === 'sub') return again(op, def.left, k + c)
      if (def.op === 'xor') return again(op, def.left, k ^ c)
      if (def.op === 'and') {
        if ((k & ~c) !== 0) return decided(false)
        if (k === 0) return again('set', def.left, c, true)
        if (k === c && (c & (c - 1)) === 0) return again('set', def.left, c)
      }
      return test(op, left, k)
    }
  }
}
