import { ElfError, type ParseElfOptions, parseElf, readElf, STT } from '@skep/loader-elf'
import type { CollectionSpec } from '@skep/registry'
import {
  comparable,
  expectation,
  type Knowledge,
  type Recorded,
} from '../../../../packages/loader-elf/test/recorded.ts'
import { type Known, knownReason, UNTYPED } from './reasons.ts'
import type { Answer } from './reference.ts'
import { withoutLater } from './resolved-later.ts'

export type Outcome =
  /** Both take it, and give the kernel the same. */
  | { readonly kind: 'same' }
  /** Both refuse it. */
  | { readonly kind: 'refused'; readonly ours: string; readonly theirs: string }
  /** Taken here alone. */
  | { readonly kind: 'beyond'; readonly known: Known | undefined; readonly theirs: string }
  /** Refused here alone. */
  | { readonly kind: 'short'; readonly ours: string }
  | { readonly kind: 'differs'; readonly differences: readonly string[] }

/** What parseElf and libbpf make of one object. */
export function compareObject(
  bytes: Uint8Array,
  answer: Answer,
  options: ParseElfOptions,
  known: Knowledge,
): Outcome {
  const ours = parsed(bytes, options)
  if (answer.kind !== 'taken') {
    const theirs =
      answer.kind === 'crashed' ? `libbpf ends by ${answer.reason}` : answer.reason || `errno ${answer.errno}`
    return typeof ours === 'string'
      ? { kind: 'refused', ours, theirs }
      : { kind: 'beyond', known: knownReason(answer), theirs }
  }
  if (typeof ours === 'string') return { kind: 'short', ours }
  const { record } = answer
  if (
    ours.programs.length > 0 &&
    record.programs?.length === 0 &&
    !readElf(bytes).symbols.some((one) => one.type === STT.FUNC)
  )
    return { kind: 'beyond', known: UNTYPED, theirs: 'libbpf finds no program' }
  const differences = answer.version.startsWith('0.')
    ? differencesOf(withoutStrings(ours, record), inOrder(ours, record), known)
    : differencesOf(ours, record, known)
  return differences.length === 0 ? { kind: 'same' } : { kind: 'differs', differences }
}

function parsed(bytes: Uint8Array, options: ParseElfOptions): CollectionSpec | string {
  try {
    return parseElf(bytes, options)
  } catch (error) {
    if (error instanceof ElfError) return `${error.code}: ${error.message}`
    throw error
  }
}

/** libbpf before 1.0 has maps of `SEC("maps")` in the order of their symbols, not of their definitions. */
function inOrder({ maps }: CollectionSpec, record: Recorded): Recorded {
  const place = new Map(maps.map(({ name }, i) => [name, i]))
  const last = maps.length
  return {
    ...record,
    maps: [...(record.maps ?? [])].sort((a, b) => (place.get(a.name) ?? last) - (place.get(b.name) ?? last)),
  }
}

/** And before 0.6 it makes maps of `.rodata` alone, not of the strings beside it that nothing refers to. */
function withoutStrings(spec: CollectionSpec, { maps }: Recorded): CollectionSpec {
  const theirs = new Set(maps?.map(({ name }) => name))
  return { ...spec, maps: spec.maps.filter(({ name }) => !name.startsWith('.rodata.') || theirs.has(name)) }
}

function differencesOf(ours: CollectionSpec, theirs: Recorded, known: Knowledge): string[] {
  const { spec, record } = withoutLater(ours, theirs, known)
  const out: string[] = []
  walk('', comparable(spec, record, known), expectation(record, known), out)
  return out
}

const named = (value: unknown): value is { name: string } =>
  typeof value === 'object' && value !== null && typeof (value as { name?: unknown }).name === 'string'

/** Texts that say where two values differ, elements of lists by their names where they have some. */
function walk(path: string, ours: unknown, theirs: unknown, out: string[]): void {
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    const names = (list: readonly unknown[]): string =>
      list.map((one) => (named(one) ? one.name : '')).join(', ')
    if (ours.length !== theirs.length) {
      const what = [...ours, ...theirs].some(named)
        ? `${names(ours)} here, ${names(theirs)} of libbpf`
        : `${ours.length} here, ${theirs.length} of libbpf`
      out.push(`${path}: ${what}`)
      return
    }
    for (const [i, one] of ours.entries()) walk(`${path}[${named(one) ? one.name : i}]`, one, theirs[i], out)
  } else if (typeof ours === 'object' && ours !== null && typeof theirs === 'object' && theirs !== null) {
    const [a, b] = [ours as Record<string, unknown>, theirs as Record<string, unknown>]
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      walk(path === '' ? key : `${path}.${key}`, a[key], b[key], out)
  } else if (ours !== theirs) out.push(`${path}: ${shown(path, ours, theirs)}`)
}

function shown(path: string, ours: unknown, theirs: unknown): string {
  if (typeof ours !== 'string' || typeof theirs !== 'string' || ours.length + theirs.length < 80)
    return `${JSON.stringify(ours)} here, ${JSON.stringify(theirs)} of libbpf`
  let at = 0
  while (ours[at] === theirs[at]) at++
  const unit = path.endsWith('.insns') ? 16 : 8
  const from = at - (at % unit)
  const place = path.endsWith('.insns') ? `insn ${from / 16}` : `byte ${from / 2}`
  return `from ${place} on ${ours.slice(from, from + unit)} here, ${theirs.slice(from, from + unit)} of libbpf; ${ours.length / 2} and ${theirs.length / 2} bytes`
}
