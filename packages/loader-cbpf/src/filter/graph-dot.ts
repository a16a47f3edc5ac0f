import { type CompileClassicFilterOptions, graphOf } from './compile.ts'
import { type Effect, type FilterGraph, inOrder, type Node } from './graph.ts'
import type { ValueId } from './values.ts'

const SIZES = { 1: 'B', 2: 'H', 4: 'W' } as const
const SIGNS: Readonly<Record<string, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  mod: '%',
  and: '&',
  or: '|',
  xor: '^',
  lsh: '<<',
  rsh: '>>',
  eq: '=',
  gt: '>',
  ge: '>=',
  set: '&',
}

/**
 * Compiles an expression and draws the graph of its tests, in the DOT language of Graphviz. Values are written as in
 * `ether[12:2]`: B, H and W are loads of 1, 2 and 4 bytes from the packet.
 *
 * @throws FilterError at the word that is wrong; `REJECTS_ALL` where no packet can pass
 */
export function filterDot(text: string, options: CompileClassicFilterOptions = {}): string {
  const graph = graphOf(text, options)
  const lines = draw(graph, graph.root)
  return ['digraph filter {', '  node [shape=box, fontname=monospace]', ...lines, '}', ''].join('\n')
}

function draw(graph: FilterGraph, root: Node): string[] {
  return inOrder(root).flatMap((node) => {
    const name = `n${node.id}`
    const { whenTrue, whenFalse, test } = node
    if (whenTrue === undefined || whenFalse === undefined) {
      const end = node === graph.accept ? `accept ${graph.snaplen}` : 'reject'
      return [`  ${name} [label="${end}", shape=oval]`]
    }
    const loops = node.effects.flatMap((effect) =>
      effect.kind === 'loop' ? drawLoop(graph, name, effect) : [],
    )
    const label = [...node.effects.map((effect) => effectText(graph, effect)), testText(graph, node)]
    const box = `  ${name} [label="${label.filter((line) => line !== '').join('\\n')}"]`
    const ways =
      test === undefined
        ? [`  ${name} -> n${whenTrue.id}`]
        : [
            `  ${name} -> n${whenTrue.id} [label="yes"]`,
            `  ${name} -> n${whenFalse.id} [label="no", style=dashed]`,
          ]
    return [box, ...ways, ...loops]
  })
}

function drawLoop(
  graph: FilterGraph,
  from: string,
  loop: Extract<Effect, { readonly kind: 'loop' }>,
): string[] {
  const inside = draw(graph, loop.body).filter((line) => !line.includes('shape=oval'))
  return [
    `  ${from} -> n${loop.body.id} [label="loop", style=dotted]`,
    `  n${loop.again.id} [label="again", shape=oval]`,
    `  n${loop.stop.id} [label="end of loop", shape=oval]`,
    ...inside,
  ]
}

function effectText(graph: FilterGraph, effect: Effect): string {
  switch (effect.kind) {
    case 'assign':
      return `v${effect.variable} := ${valueText(graph, effect.value)}`
    case 'touch':
      return valueText(graph, effect.value)
    case 'loop':
      return 'loop'
  }
}

function testText(graph: FilterGraph, { test }: Node): string {
  if (test === undefined) return ''
  return `${valueText(graph, test.left)} ${SIGNS[test.op]} ${valueText(graph, test.right)}`
}

function valueText(graph: FilterGraph, id: ValueId): string {
  const def = graph.values.def(id)
  const place = (offset: number, base: ValueId | undefined): string =>
    base === undefined ? `${offset}` : `${valueText(graph, base)} + ${offset}`
  switch (def.op) {
    case 'constant':
      return def.value > 9 ? `0x${def.value.toString(16)}` : `${def.value}`
    case 'length':
      return 'len'
    case 'load':
      return `${SIZES[def.size]}[${place(def.offset, def.base)}]`
    case 'header':
      return `4 * (B[${place(def.offset, def.base)}] & 15)`
    case 'extension':
      return def.name
    case 'variable':
    case 'stored':
    case 'met':
      return `v${def.variable}`
    case 'neg':
      return `-${valueText(graph, def.value)}`
    default:
      return `(${valueText(graph, def.left)} ${SIGNS[def.op]} ${valueText(graph, def.right)})`
  }
}
