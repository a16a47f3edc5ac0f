import type { Btf } from '../btf.ts'
import { BTF_KIND } from '../kinds.ts'
import { CoreError } from './error.ts'
import {
  CORE,
  CORE_KINDS,
  type CoreAccessor,
  type CoreSpec,
  essentialName,
  isFlexible,
  MAX_ACCESS,
} from './spec.ts'

/** How deep types are compared, as in libbpf. */
const MAX_LEVEL = 32
/** Comparisons for one pair of types: struct against struct is quadratic in members, and nests. */
const MAX_WORK = 1_000_000

/** ENUM and ENUM64 count as one kind. */
export function sameKind(a: Btf, aType: number, b: Btf, bType: number): boolean {
  return a.kind(aType) === b.kind(bType) || (a.isEnum(aType) && b.isEnum(bType))
}

function sameName(local: string, target: string): boolean {
  return target === '' ? local === '' : essentialName(local) === essentialName(target)
}

/** A pair of type graphs, local and target, and the work spent on them. */
export class CoreMatcher {
  readonly #local: Btf
  readonly #target: Btf
  #work = 0

  constructor(local: Btf, target: Btf) {
    this.#local = local
    this.#target = target
  }

  #step(): void {
    this.#work++
    if (this.#work > MAX_WORK) throw new CoreError('BAD_ACCESS', 'comparing the types takes too many steps')
  }

  /** The target's spec for what `local` names, when the target type `root` has all of it. */
  match(local: CoreSpec, root: number): CoreSpec | undefined {
    this.#work = 0
    const spec: CoreSpec = {
      btf: this.#target,
      kind: local.kind,
      root,
      accessors: [],
      raw: [],
      bitOffset: 0,
    }
    switch (CORE_KINDS[local.kind]!.on) {
      case 'type': {
        const fits =
          local.kind === CORE.TYPE_MATCHES
            ? this.#typesMatch(local.root, root, false, MAX_LEVEL)
            : sameKind(this.#local, local.root, this.#target, root) &&
              this.#typesCompatible(local.root, root, MAX_LEVEL)
        return fits ? spec : undefined
      }
      case 'enumerator':
        return this.#enumerator(local.accessors[0]!, spec)
      case 'field':
        return this.#fields(local.accessors, spec)
    }
  }

  #enumerator(local: CoreAccessor, spec: CoreSpec): CoreSpec | undefined {
    const type = this.#target.resolve(spec.root)
    const wanted = essentialName(local.name!)
    const values = this.#target.enumerators(type)
    const index = values.findIndex((v) => essentialName(v.name) === wanted)
    if (index < 0) return undefined
    return { ...spec, raw: [index], accessors: [{ type, index, name: values[index]!.name }] }
  }

  #fields(local: readonly CoreAccessor[], spec: CoreSpec): CoreSpec | undefined {
    const target = this.#target
    const accessors: CoreAccessor[] = []
    const raw: number[] = []
    let bitOffset = 0
    let at = spec.root
    for (const [i, accessor] of local.entries()) {
      at = target.resolve(at)
      if (accessor.name !== undefined) {
        const found = this.#member(accessor, at, [], 0)
        if (!found) return undefined
        accessors.push(found.accessor)
        raw.push(...found.path)
        bitOffset += found.bitOffset
        at = found.type
      } else {
        // The first index is that of the pointer, over elements of the root type itself.
        if (i > 0) {
          if (target.kind(at) !== BTF_KIND.ARRAY) return undefined
          const { element, count } = target.array(at)
          if (accessor.index >= count && !isFlexible(target, accessors.at(-1), count)) return undefined
          at = target.resolve(element)
        }
        const size = target.size(at)
        if (size === undefined) throw new CoreError('BAD_VALUE', `target type ${at} has no size`)
        accessors.push({ type: at, index: accessor.index })
        raw.push(accessor.index)
        bitOffset += accessor.index * size * 8
      }
      if (raw.length > MAX_ACCESS)
        throw new CoreError('BAD_ACCESS', `more than ${MAX_ACCESS} steps in the target`)
    }
    return { ...spec, accessors, raw, bitOffset }
  }

  /** A member by name, through anonymous structs and unions. The first of that name decides. */
  #member(
    local: CoreAccessor,
    typeId: number,
    path: readonly number[],
    base: number,
  ): { accessor: CoreAccessor; path: number[]; bitOffset: number; type: number } | undefined {
    this.#step()
    const type = this.#target.resolve(typeId)
    if (!this.#target.isComposite(type)) return undefined
    if (path.length >= MAX_ACCESS)
      throw new CoreError('BAD_ACCESS', `more than ${MAX_ACCESS} steps in the target`)
    const localType = this.#local.members(local.type)[local.index]!.type
    for (const [index, member] of this.#target.members(type).entries()) {
      const way = [...path, index]
      const bitOffset = base + member.bitOffset
      if (member.name === '') {
        const found = this.#member(local, member.type, way, bitOffset)
        if (found) return found
      } else if (member.name === local.name) {
        if (!this.#fieldsCompatible(localType, member.type)) return undefined
        return { accessor: { type, index, name: member.name }, path: way, bitOffset, type: member.type }
      }
    }
    return undefined
  }

  /** Whether a field's type may stand for another's: all structs, all pointers, all integers, arrays by element. */
  #fieldsCompatible(localId: number, targetId: number): boolean {
    const [local, target] = [this.#local, this.#target]
    let a = local.resolve(localId)
    let b = target.resolve(targetId)
    for (let level = 0; level < MAX_LEVEL; level++) {
      if (local.isComposite(a) && target.isComposite(b)) return true
      if (!sameKind(local, a, target, b)) return false
      switch (local.kind(a)) {
        case BTF_KIND.PTR:
        case BTF_KIND.FLOAT:
          return true
        case BTF_KIND.FWD:
        case BTF_KIND.ENUM:
        case BTF_KIND.ENUM64: {
          const [one, other] = [essentialName(local.name(a)), essentialName(target.name(b))]
          return one === '' || other === '' || one === other
        }
        case BTF_KIND.INT:
          return local.integer(a).bitOffset === 0 && target.integer(b).bitOffset === 0
        case BTF_KIND.ARRAY:
          a = local.resolve(local.array(a).element)
          b = target.resolve(target.array(b).element)
          break
        default:
          return false
      }
    }
    return false
  }

  /** Whether a type of that name exists in the target, for what matters to a program: kinds alone below pointers. */
  #typesCompatible(localId: number, targetId: number, level: number): boolean {
    const [local, target] = [this.#local, this.#target]
    let a = local.resolve(localId)
    let b = target.resolve(targetId)
    for (let depth = 0; depth < MAX_LEVEL; depth++) {
      this.#step()
      if (!sameKind(local, a, target, b)) return false
      switch (local.kind(a)) {
        case BTF_KIND.VOID:
        case BTF_KIND.STRUCT:
        case BTF_KIND.UNION:
        case BTF_KIND.ENUM:
        case BTF_KIND.ENUM64:
        case BTF_KIND.FWD:
          return true
        case BTF_KIND.INT:
          return local.integer(a).bitOffset === 0 && target.integer(b).bitOffset === 0
        case BTF_KIND.PTR:
          a = local.resolve(local.target(a))
          b = target.resolve(target.target(b))
          break
        case BTF_KIND.ARRAY:
          a = local.resolve(local.array(a).element)
          b = target.resolve(target.array(b).element)
          break
        case BTF_KIND.FUNC_PROTO: {
          const ours = local.params(a)
          const theirs = target.params(b)
          if (ours.length !== theirs.length) return false
          if (ours.length > 0 && level <= 0) throw new CoreError('BAD_ACCESS', 'function types nest too deep')
          if (!ours.every((p, i) => this.#typesCompatible(p.type, theirs[i]!.type, level - 1))) return false
          a = local.resolve(local.target(a))
          b = target.resolve(target.target(b))
          break
        }
        default:
          return false
      }
    }
    throw new CoreError('BAD_ACCESS', `types nest deeper than ${MAX_LEVEL}`)
  }

  /** bpf_core_type_matches: the local type's members, enumerators and parameters are all in the target's. */
  #typesMatch(localId: number, targetId: number, behindPointer: boolean, level: number): boolean {
    if (level <= 0) throw new CoreError('BAD_ACCESS', `types nest deeper than ${MAX_LEVEL}`)
    const [local, target] = [this.#local, this.#target]
    let a = local.resolve(localId)
    let b = target.resolve(targetId)
    let pointer = behindPointer
    for (let depth = 0; depth < MAX_LEVEL; depth++) {
      this.#step()
      if (!sameName(local.name(a), target.name(b))) return false
      const [one, other] = [local.kind(a), target.kind(b)]
      switch (one) {
        case BTF_KIND.VOID:
          return one === other
        case BTF_KIND.FWD: {
          const union = local.flag(a)
          if (one === other) return union === target.flag(b)
          return pointer && other === (union ? BTF_KIND.UNION : BTF_KIND.STRUCT)
        }
        case BTF_KIND.ENUM:
        case BTF_KIND.ENUM64:
          return this.#enumsMatch(a, b)
        case BTF_KIND.STRUCT:
        case BTF_KIND.UNION:
          if (!pointer) return one === other && this.#compositesMatch(a, b, level)
          if (one === other) return true
          return other === BTF_KIND.FWD && (one === BTF_KIND.UNION) === target.flag(b)
        case BTF_KIND.INT:
          return (
            one === other &&
            local.size(a) === target.size(b) &&
            local.integer(a).signed === target.integer(b).signed
          )
        case BTF_KIND.PTR:
          if (one !== other) return false
          pointer = true
          a = local.resolve(local.target(a))
          b = target.resolve(target.target(b))
          break
        case BTF_KIND.ARRAY:
          if (one !== other || local.array(a).count !== target.array(b).count) return false
          a = local.resolve(local.array(a).element)
          b = target.resolve(target.array(b).element)
          break
        case BTF_KIND.FUNC_PROTO: {
          if (one !== other) return false
          const ours = local.params(a)
          const theirs = target.params(b)
          if (ours.length !== theirs.length) return false
          if (!ours.every((p, i) => this.#typesMatch(p.type, theirs[i]!.type, pointer, level - 1)))
            return false
          a = local.resolve(local.target(a))
          b = target.resolve(target.target(b))
          break
        }
        default:
          return false
      }
    }
    throw new CoreError('BAD_ACCESS', `types nest deeper than ${MAX_LEVEL}`)
  }

  #enumsMatch(a: number, b: number): boolean {
    if (!this.#target.isEnum(b) || this.#local.size(a) !== this.#target.size(b)) return false
    const names = new Set(this.#target.enumerators(b).map((v) => essentialName(v.name)))
    const ours = this.#local.enumerators(a)
    return ours.length <= this.#target.vlen(b) && ours.every((v) => names.has(essentialName(v.name)))
  }

  #compositesMatch(a: number, b: number, level: number): boolean {
    const ours = this.#local.members(a)
    const theirs = this.#target.members(b)
    if (ours.length > theirs.length) return false
    return ours.every((member) =>
      theirs.some((other) => {
        this.#step()
        return (
          sameName(member.name, other.name) && this.#typesMatch(member.type, other.type, false, level - 1)
        )
      }),
    )
  }
}
