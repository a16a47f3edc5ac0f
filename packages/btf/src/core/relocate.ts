import type { Btf } from '../btf.ts'
import type { BtfCoreRelocation } from '../btf-ext.ts'
import { BTF_KIND } from '../kinds.ts'
import { CoreError } from './error.ts'
import { CoreMatcher, sameKind } from './match.ts'
import type { CoreResolution } from './patch.ts'
import { CORE, type CoreSpec, essentialName, formatCoreSpec, parseCoreSpec } from './spec.ts'
import { type CoreValue, coreValue } from './value.ts'

interface Candidate {
  readonly matcher: CoreMatcher
  readonly btf: Btf
  readonly id: number
}

/** Whether a record can be resolved by the local types alone. */
export const needsTarget = (relocation: BtfCoreRelocation): boolean => relocation.kind !== CORE.TYPE_ID_LOCAL

/**
 * Resolves CO-RE records of one object against target types, with libbpf's rules: candidates by kind and name without
 * flavour, in the first target that has any; all candidates that match must agree.
 */
export class CoreRelocator {
  readonly #local: Btf
  readonly #targets: readonly { readonly btf: Btf; readonly matcher: CoreMatcher }[]
  readonly #names = new Map<Btf, Map<string, number[]>>()
  /** By local root type; narrowed to those that matched once, as libbpf does. */
  readonly #candidates = new Map<number, Candidate[]>()

  /** `targets`: the kernel's BTF first, then modules'. */
  constructor(local: Btf, targets: readonly Btf[]) {
    this.#local = local
    this.#targets = targets.map((btf) => ({ btf, matcher: new CoreMatcher(local, btf) }))
  }

  /** Throws CoreError where the record is at fault; a target that lacks the field or type is a result. */
  resolve(relocation: BtfCoreRelocation): CoreResolution {
    const local = parseCoreSpec(this.#local, relocation)
    const text = formatCoreSpec(local)
    if (relocation.kind === CORE.TYPE_ID_LOCAL) {
      const after = BigInt(relocation.type)
      return {
        poison: false,
        before: undefined,
        after,
        sizeBefore: 0,
        sizeAfter: 0,
        sizeRefused: false,
        text,
      }
    }
    if (this.#local.name(relocation.type) === '')
      throw new CoreError('BAD_ACCESS', `${text}: types without a name have no counterpart`)
    const candidates = this.#find(relocation.type)
    const matching: Candidate[] = []
    let result: CoreResolution | undefined
    let first: CoreSpec | undefined
    for (const candidate of candidates) {
      const spec = candidate.matcher.match(local, candidate.id)
      if (!spec) continue
      const own = this.#resolution(local, spec, text)
      if (!result || !first) {
        result = own
        first = spec
      } else if (
        spec.bitOffset !== first.bitOffset ||
        own.poison !== result.poison ||
        own.after !== result.after
      ) {
        throw new CoreError(
          'AMBIGUOUS',
          `${text}: ${formatCoreSpec(first)} gives ${result.after}, ${formatCoreSpec(spec)} gives ${own.after}`,
        )
      }
      matching.push(candidate)
    }
    if (matching.length > 0) this.#candidates.set(relocation.type, matching)
    return result ?? this.#resolution(local, undefined, text)
  }

  #find(root: number): Candidate[] {
    const known = this.#candidates.get(root)
    if (known) return known
    const name = essentialName(this.#local.name(root))
    let found: Candidate[] = []
    for (const { btf, matcher } of this.#targets) {
      const ids = this.#index(btf).get(name) ?? []
      found = ids.filter((id) => sameKind(this.#local, root, btf, id)).map((id) => ({ matcher, btf, id }))
      if (found.length > 0) break
    }
    this.#candidates.set(root, found)
    return found
  }

  /** A target's own types by name without flavour; what it is split from is a target of its own. */
  #index(btf: Btf): Map<string, number[]> {
    const known = this.#names.get(btf)
    if (known) return known
    const index = new Map<string, number[]>()
    const isTarget = this.#targets.some((t) => t.btf === btf.base)
    for (let id = isTarget ? btf.first : 1; id < btf.count; id++) {
      const name = essentialName(btf.name(id))
      if (name === '') continue
      const same = index.get(name)
      if (same) same.push(id)
      else index.set(name, [id])
    }
    this.#names.set(btf, index)
    return index
  }

  #resolution(local: CoreSpec, target: CoreSpec | undefined, text: string): CoreResolution {
    const before = coreValue(local.kind, local)
    const after = coreValue(local.kind, target)
    if (!before || !after) {
      return {
        poison: true,
        before: undefined,
        after: 0n,
        sizeBefore: 0,
        sizeAfter: 0,
        sizeRefused: false,
        text,
      }
    }
    const resized = before.size !== after.size
    return {
      poison: false,
      before: before.exact ? before.value : undefined,
      after: after.value,
      sizeBefore: before.size,
      sizeAfter: after.size,
      sizeRefused: resized && target !== undefined && !this.#mayResize(local, before, target, after),
      text,
    }
  }

  /** Pointers, and integers that zero-extension keeps right. */
  #mayResize(local: CoreSpec, before: CoreValue, target: CoreSpec, after: CoreValue): boolean {
    const sides = [
      { btf: local.btf, type: local.btf.resolve(before.type) },
      { btf: target.btf, type: target.btf.resolve(after.type) },
    ]
    return (
      sides.every(({ btf, type }) => btf.kind(type) === BTF_KIND.PTR) ||
      sides.every(({ btf, type }) => btf.kind(type) === BTF_KIND.INT && !btf.integer(type).signed)
    )
  }
}
