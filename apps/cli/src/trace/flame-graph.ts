import { type HierarchyRectangularNode, hierarchy, partition } from 'd3-hierarchy'
import type { MapResult } from './results.ts'

/** A stack, the outermost frame first, and how often it was there. */
export interface FoldedStack {
  readonly frames: readonly string[]
  readonly count: number
}

/** The stacks in keys of maps, with what else the key has before them. */
export function foldStacks(results: readonly MapResult[]): readonly FoldedStack[] {
  return results.flatMap((result) => {
    if (!('rows' in result)) return []
    return result.rows.flatMap(({ key, value }) => {
      const stack = key.find((part) => typeof part === 'object')
      if (!stack) return []
      const others = key.filter((part) => typeof part !== 'object').map(String)
      return [{ frames: [...others, ...stack.toReversed()], count: Number(value) }]
    })
  })
}

/** The form that flame graph tools share: frames with semicolons between, the outermost first, and the count. */
export const formatFolded = (stacks: readonly FoldedStack[]): string =>
  stacks
    .map(({ frames, count }) => `${frames.map((frame) => frame.replaceAll(';', ':')).join(';')} ${count}\n`)
    .join('')

interface Frame {
  readonly name: string
  /** Stacks that end here. */
  own: number
  readonly callees: Map<string, Frame>
}

const WIDTH = 1200
const ROW = 17
const TOP = 32
const LETTER = 6.6
/** Narrower ones cannot be seen. */
const LEAST = 0.2

function treeOf(stacks: readonly FoldedStack[]): Frame {
  const root: Frame = { name: 'all', own: 0, callees: new Map() }
  for (const { frames, count } of stacks) {
    let here = root
    for (const name of frames) {
      let next = here.callees.get(name)
      if (!next) here.callees.set(name, (next = { name, own: 0, callees: new Map() }))
      here = next
    }
    here.own += count
  }
  return root
}

/** A flame graph as SVG: callers below, callees above, as wide as their stacks are many; siblings by name. */
export function flameGraph(stacks: readonly FoldedStack[], title: string): string {
  const root = hierarchy(treeOf(stacks), ({ callees }) => [...callees.values()])
    .sum(({ own }) => own)
    .sort((a, b) => (a.data.name < b.data.name ? -1 : 1))
  const laid = partition<Frame>().size([WIDTH, root.height + 1])(root)
  const height = TOP + (root.height + 1) * ROW + 8
  const total = laid.value ?? 0
  const boxes = laid
    .descendants()
    .filter((node) => node.x1 - node.x0 >= LEAST)
    .map((node) => box(node, height, total))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="monospace" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fffdf5"/>`,
    `<text x="${WIDTH / 2}" y="20" text-anchor="middle" font-size="14">${escapeText(title)}</text>`,
    ...boxes,
    '</svg>',
    '',
  ].join('\n')
}

function box(
  { data, depth, value = 0, x0, x1 }: HierarchyRectangularNode<Frame>,
  height: number,
  total: number,
): string {
  const y = height - 8 - (depth + 1) * ROW
  const width = x1 - x0
  const share = total > 0 ? ((100 * value) / total).toFixed(2) : '0'
  const letters = Math.floor((width - 4) / LETTER)
  const shown = data.name.length <= letters ? data.name : `${data.name.slice(0, Math.max(letters - 1, 0))}…`
  const label =
    letters >= 3 ? `<text x="${(x0 + 3).toFixed(1)}" y="${y + 12}">${escapeText(shown)}</text>` : ''
  return `<g><title>${escapeText(data.name)} (${value} of ${total}, ${share}%)</title><rect x="${x0.toFixed(1)}" y="${y}" width="${Math.max(width - 0.5, 0.1).toFixed(1)}" height="${ROW - 1}" rx="1" fill="${colour(data.name)}"/>${label}</g>`
}

/** Warm, and the same for the same name. */
function colour(name: string): string {
  let hash = 0
  for (let n = 0; n < name.length; n++) hash = (Math.imul(hash, 31) + name.charCodeAt(n)) >>> 0
  return `hsl(${20 + (hash % 40)} ${75 + ((hash >>> 8) % 20)}% ${62 + ((hash >>> 16) % 12)}%)`
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Control characters are in no XML. */
const escapeText = (text: string): string =>
  [...text].map((letter) => (letter < ' ' ? ' ' : (ESCAPES[letter] ?? letter))).join('')
