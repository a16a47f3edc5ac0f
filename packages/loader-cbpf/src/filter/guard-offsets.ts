import { type FilterGraph, inOrder, type Node, type Test } from './graph.ts'
import type { ValueId, Values } from './values.ts'

const ANY = 0xffff_ffff
/** No header that a filter goes over is longer. */
const LONGEST_HEADER = 0xffff
const LONGEST_PACKET = 0x7fff_ffff

/**
 * Rejects packets where a load's place is calculated and below 0. Linux adds the offset of the load in 32 bits, so that
 * it finds `ip[0 - 14]` at the start of the packet; for libpcap it is outside (bpf_filter.c), and for the intermediate form.
 */
export function guardOffsets(graph: FilterGraph): void {
  for (const node of inOrder(graph.root)) {
    if (node.test) guardRest(graph, node, node.effects.length, [node.test.left, node.test.right])
    for (let at = node.effects.length - 1; at >= 0; at--) {
      const effect = node.effects[at]!
      if (effect.kind !== 'loop') guardRest(graph, node, at, [effect.value])
    }
  }
}

/** Tests before a node's effect number `at`, or its test, that what `wanted` loads is not below 0. */
function guardRest(graph: FilterGraph, node: Node, at: number, wanted: readonly ValueId[]): void {
  const tests = guards(graph.values, wanted)
  if (tests.length === 0) return
  const rest = graph.node(node.test, node.whenTrue, node.whenFalse)
  rest.effects = node.effects.slice(at)
  const [first, ...others] = tests
  node.effects = node.effects.slice(0, at)
  node.test = first
  node.whenTrue = graph.reject
  node.whenFalse = others.reduceRight((next, test) => graph.node(test, graph.reject, next), rest)
}

function guards(values: Values, wanted: readonly ValueId[]): Test[] {
  const farthest = new Map<ValueId, number>()
  for (const id of wanted) {
    for (const load of values.loads(id)) {
      const def = values.def(load)
      if ((def.op !== 'load' && def.op !== 'header') || def.base === undefined) continue
      if (values.constantOf(def.base) !== undefined || most(values, def.base) + def.offset <= ANY) continue
      farthest.set(def.base, Math.max(def.offset, farthest.get(def.base) ?? 0))
    }
  }
  // A base that another one is made of has the smaller number.
  return [...farthest]
    .sort(([a], [b]) => a - b)
    .map(([base, offset]) => ({ op: 'gt', left: base, right: values.constant(ANY - offset) }))
}

/** The largest that a place in the packet can be, with packets and headers of sizes that there are. */
function most(values: Values, id: ValueId): number {
  const def = values.def(id)
  switch (def.op) {
    case 'variable':
    case 'met':
    case 'stored':
      return LONGEST_HEADER
    case 'length':
      return LONGEST_PACKET
    case 'add':
      return Math.min(ANY, most(values, def.left) + most(values, def.right))
    default:
      return values.max(id)
  }
}
