import {
  attachKprobe,
  attachKprobeMulti,
  attachKretprobe,
  type KprobeLink,
  type KprobeOptions,
} from '@skep/hook-kprobe'
import type { Collection } from '@skep/runtime'
import type { Side } from '../measure.ts'

type Loop = (target: object, runs: number, a: unknown, b: unknown) => number

/** A loop of its own for each side, and a source of its own: what V8 learns of one it must not know of another. */
const newLoop = (side: number): Loop =>
  new Function(
    'target',
    'runs',
    'a',
    'b',
    `/* ${side} */ let sum = 0; for (let n = 0; n < runs; n++) sum += target.call(a, b); return sum`,
  ) as Loop

const newTarget = (side: number, isFunction = false): object =>
  new Function(
    `/* ${side} */ const add = (a) => (a === 1 ? 1 : 2); return { call: ${isFunction ? 'function old(a, b) { return add(a) }' : '(a, b) => add(a)'} }`,
  )() as object

interface Case {
  readonly name: string
  readonly attach?: (target: object) => KprobeLink
  /** The function is a constructor too, as all `function`s are. */
  readonly proxied?: boolean
  readonly args?: readonly [unknown, unknown]
}

export const UNPROBED = 'not probed'

function casesOf(collection: Collection): readonly Case[] {
  const kprobe = (name: string) => collection.program(name, 'kprobe')
  const entry =
    (name: string, options: KprobeOptions = {}) =>
    (target: object): KprobeLink =>
      attachKprobe(kprobe(name), target, 'call', options)
  const objects = [{}, {}] as const
  return [
    { name: UNPROBED },
    {
      name: 'detached',
      attach: (target) => {
        const link = attachKprobe(kprobe('empty'), target, 'call')
        link.close()
        return link
      },
    },
    { name: 'empty, two numbers', attach: entry('empty') },
    { name: 'empty, two objects', attach: entry('empty'), args: objects },
    { name: 'empty, no argument passed on', attach: entry('empty', { args: 0 }), args: objects },
    { name: 'empty, of a `function`', attach: entry('empty'), proxied: true },
    { name: 'empty, at the return', attach: (target) => attachKretprobe(kprobe('empty'), target, 'call') },
    { name: 'empty session', attach: (target) => attachKprobeMulti(kprobe('session'), target, 'call') },
    { name: 'counts in an array', attach: entry('count') },
    { name: 'reads a text of 12 letters', attach: entry('read_text'), args: ['/users/12345', 1] },
  ]
}

/** The sides to measure; `close` takes the probes away. */
export function callSides(collection: Collection): { readonly sides: readonly Side[]; close(): void } {
  const links: KprobeLink[] = []
  const sides = casesOf(collection).map(({ name, attach, args = [1, 2], proxied }, n): Side => {
    const target = newTarget(n, proxied)
    if (attach) links.push(attach(target))
    const loop = newLoop(n)
    return {
      name,
      time: async (runs) => {
        const began = process.hrtime.bigint()
        loop(target, runs, ...args)
        return Number(process.hrtime.bigint() - began) / runs
      },
    }
  })
  return {
    sides,
    close: () => {
      for (const link of links) link.close()
    },
  }
}
