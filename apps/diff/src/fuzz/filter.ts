import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CbpfError } from '@skep/loader-cbpf'
import {
  compileClassicFilter,
  compileFilter,
  FilterError,
  type GenerateFilterOptions,
} from '@skep/loader-cbpf/filter'
import type { Random } from '../random.ts'
import { editText } from './edits.ts'
import { type FuzzTarget, typed } from './target.ts'

/** Link types of all kinds: of Ethernet, IP alone, Linux's cooked ones, loopbacks, WLAN, PPP, telephony. */
const LINK_TYPES: readonly number[] = [1, 1, 1, 101, 113, 276, 0, 105, 127, 9, 104, 10, 7, 140, 123]
/** A word of an expression can stand for a hundred instructions, and those are what takes memory while it is compiled. */
const FIXED = 8 << 20

const TARGETS: readonly (string | undefined)[] = [undefined, 'socket_filter', 'xdp', 'sched_cls']

/** The expressions that are compared with libpcap. */
const expressionsOf = (root: string): string[] =>
  readFileSync(join(root, 'apps/diff/src/filters/expressions.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !/^[#@]/.test(line))

/** Words changed, and now and then a tower of the same: parentheses, alternatives, headers in headers. */
function mutate(random: Random, seeds: readonly string[]): string {
  const text = random.pick(seeds)
  if (random.chance(0.9)) return editText(random, text, seeds)
  const times = random.chance(0.1) ? 1 + random.below(3000) : 1 + random.below(60)
  switch (random.below(5)) {
    case 0:
      return `${'('.repeat(times)}${text}${')'.repeat(times)}`
    case 1:
      return `${'not '.repeat(times)}(${text})`
    case 2:
      return Array.from({ length: times }, () => `(${random.pick(seeds)})`).join(
        random.pick([' or ', ' and ', ' || ']),
      )
    case 3:
      return `${random.pick(['vlan and ', 'mpls and ', 'pppoes and ', 'geneve and ']).repeat(times)}${text}`
    default:
      return `${'len + '.repeat(times)}ip[${'ip['.repeat(times)}0${']'.repeat(times)}] = 1`
  }
}

/** `compileClassicFilter` and `compileFilter`: grammar, meaning, optimiser and both kinds of code. */
export function filterTarget(root: string): FuzzTarget {
  const seeds = expressionsOf(root)
  return {
    name: 'filter',
    fixed: FIXED,
    make: (random) => {
      const input = mutate(random, seeds)
      const options: GenerateFilterOptions & { optimise?: boolean } = {
        linkType: random.pick(LINK_TYPES),
        ...(random.chance(0.5) ? { netmask: 0xffff_ff00 } : {}),
        ...(random.chance(0.2) ? { live: true } : {}),
        ...(random.chance(0.2) ? { scoped: true } : {}),
        ...(random.chance(0.2) ? { optimise: false } : {}),
      }
      const target = random.pick(TARGETS)
      return {
        size: Buffer.byteLength(input),
        parse: () =>
          target === undefined
            ? compileClassicFilter(input, options)
            : compileFilter(input, { ...options, target }),
        show: () => JSON.stringify({ input, options, target }),
      }
    },
    codeOf: (error) => typed(error, FilterError, CbpfError),
  }
}
