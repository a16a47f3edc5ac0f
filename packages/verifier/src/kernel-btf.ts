import { BTF_KIND, type Btf, type BtfMember } from '@skep/btf'
import { MEM_PERCPU, MEM_RCU, MEM_USER, PTR_UNTRUSTED } from './reg-type.ts'

// REG_AUX0 of a pointer to a struct, the BTF that REG_AUX1 is an id of; 0 for a pointer whose type is not known.
export const KERNEL_BTF = 1
export const PROGRAM_BTF = 2
/** BTFs of maps, where they are not the program's. */
export const FIRST_MAP_BTF = 3

/** Structs in structs and arrays of them; hostile BTF must not make the walk endless. */
const MAX_STEPS = 64

const TAG_FLAGS: Readonly<Record<string, number>> = { user: MEM_USER, percpu: MEM_PERCPU, rcu: MEM_RCU }

/** What lies at an offset of a struct (enum bpf_struct_walk_result), with its type and what is known of it. */
export interface Walked {
  readonly what: 'scalar' | 'pointer' | 'untrusted' | 'struct' | 'error'
  /** Of `pointer` and `struct`: the struct, modifiers skipped. */
  readonly id: number
  /** Flags of the pointer. */
  readonly flags: number
  /** Name of the member that holds a `pointer`; of an `error`: the log's line. */
  readonly text: string
  /** Of an `error`. */
  readonly errno: 'EACCES' | 'EINVAL' | 'EFAULT'
}

const scalar: Walked = { what: 'scalar', id: 0, flags: 0, text: '', errno: 'EINVAL' }
const untrusted: Walked = { ...scalar, what: 'untrusted' }
const error = (errno: Walked['errno'], text: string): Walked => ({ ...scalar, what: 'error', text, errno })

interface Resolved {
  readonly id: number
  readonly size: number
  /** Elements, of all dimensions; undefined for what is no array. */
  readonly elements: number | undefined
}

/** Types as verdicts need them: the kernel's, or a program's own. */
export class KernelTypes {
  readonly btf: Btf
  readonly #members: Map<number, BtfMember[]> = new Map()

  constructor(btf: Btf) {
    this.btf = btf
  }

  #membersOf(id: number): BtfMember[] {
    let members = this.#members.get(id)
    if (!members) {
      members = this.btf.members(id)
      this.#members.set(id, members)
    }
    return members
  }

  /** The id of a struct by name, or 0. */
  struct(name: string): number {
    return (name && this.btf.findByName(BTF_KIND.STRUCT, name)) || 0
  }

  /** As the log spells it. */
  name(id: number): string {
    return this.btf.name(id) || '(anon)'
  }

  /** The kind and name of a type in messages; void has no kind of its own there. */
  described(id: number): string {
    const kind = id === 0 ? 'unknown' : this.btf.kindName(id)
    return `${kind.toUpperCase()} ${this.btf.name(id)}`
  }

  /** Flags that the type tag of what a pointer points to gives it. */
  tagFlags(pointer: number): number {
    const { btf } = this
    const target = btf.target(pointer)
    if (btf.kind(target) !== BTF_KIND.TYPE_TAG || btf.flag(target)) return 0
    return TAG_FLAGS[btf.name(target)] ?? 0
  }

  /** __btf_resolve_size: arrays of arrays as one. */
  #resolve(type: number): Resolved | undefined {
    const { btf } = this
    let id = btf.resolve(type)
    let elements: number | undefined
    for (let steps = 0; steps < MAX_STEPS && btf.kind(id) === BTF_KIND.ARRAY; steps++) {
      const array = btf.array(id)
      elements = (elements ?? 1) * array.count
      id = btf.resolve(array.element)
    }
    if (btf.kind(id) === BTF_KIND.ARRAY) return undefined
    const size = btf.size(id)
    return size === undefined ? undefined : { id, size, elements }
  }

  /** btf_struct_walk: what `size` bytes at an offset of a struct are. `flags` are those of an earlier step. */
  walk(struct: number, at: number, size: number, flags: number): Walked {
    const { btf } = this
    let t = btf.resolve(struct)
    let off = at
    let flag = flags
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      if (!btf.isComposite(t)) return error('EINVAL', `Type '${this.name(t)}' is not a struct`)
      const members = this.#membersOf(t)
      // Members of a union are as the program takes them to be; __bpf_md_ptr's unions have one.
      if (btf.kind(t) === BTF_KIND.UNION && members.length !== 1) flag |= PTR_UNTRUSTED
      if (off + size > btf.size(t)!) {
        const element = this.#flexibleElement(members, off)
        if (element === undefined) {
          return error('EACCES', `access beyond struct ${this.name(t)} at off ${off} size ${size}`)
        }
        if (btf.kind(element.type) === BTF_KIND.INT) return scalar
        off = (off - element.offset) % btf.size(element.type)!
        t = element.type
        continue
      }
      const step = this.#member(t, members, off, size, flag)
      if ('what' in step) return step
      t = step.type
      off = step.offset
    }
    return error('EINVAL', `struct ${this.name(struct)} is nested too deeply`)
  }

  /** The element type of a last member without bounds, when the offset is in it. */
  #flexibleElement(
    members: readonly BtfMember[],
    off: number,
  ): { readonly type: number; readonly offset: number } | undefined {
    const { btf } = this
    const last = members.at(-1)
    if (!last) return undefined
    const array = btf.resolve(last.type)
    if (btf.kind(array) !== BTF_KIND.ARRAY || btf.array(array).count !== 0) return undefined
    const offset = Math.floor(last.bitOffset / 8)
    if (off < offset) return undefined
    const type = btf.resolve(btf.array(array).element)
    if (btf.kind(type) === BTF_KIND.INT) return { type, offset }
    return btf.isComposite(type) && btf.size(type) ? { type, offset } : undefined
  }

  #member(
    t: number,
    members: readonly BtfMember[],
    off: number,
    size: number,
    flag: number,
  ): Walked | { readonly type: number; readonly offset: number } {
    const { btf } = this
    for (const member of members) {
      let moff = Math.floor(member.bitOffset / 8)
      if (off + size <= moff) break
      if (member.bitSize) {
        const end = Math.ceil((member.bitOffset + member.bitSize) / 8)
        if (off <= moff && end <= off + size) return scalar
        continue
      }
      if (off < moff) break
      const resolved = this.#resolve(member.type)
      if (!resolved) return error('EFAULT', `field ${member.name} doesn't have size`)
      const { id, elements } = resolved
      const end = moff + resolved.size * (elements ?? 1)
      if (off >= end) continue
      if (elements !== undefined) moff += Math.floor((off - moff) / resolved.size) * resolved.size
      if (btf.isComposite(id)) {
        if (off === moff) return { what: 'struct', id, flags: flag, text: member.name, errno: 'EINVAL' }
        return { type: id, offset: off - moff }
      }
      if (btf.kind(id) === BTF_KIND.PTR) {
        if (resolved.size !== size || off !== moff) {
          return error(
            'EACCES',
            `cannot access ptr member ${member.name} with moff ${moff} in struct ${this.name(t)} with off ${off} size ${size}`,
          )
        }
        const target = btf.resolve(btf.target(id))
        if (!btf.isComposite(target)) return untrusted
        const flags = flag | this.tagFlags(id)
        return { what: 'pointer', id: target, flags, text: member.name, errno: 'EINVAL' }
      }
      // An array of integers may be read as one chunk of memory.
      if (off + size > end && !(flag & PTR_UNTRUSTED)) {
        return error(
          'EACCES',
          `access beyond the end of member ${member.name} (mend:${end}) in struct ${this.name(t)} with off ${off} size ${size}`,
        )
      }
      return scalar
    }
    return error('EINVAL', `struct ${this.name(t)} doesn't have field at offset ${off}`)
  }

  /** btf_struct_access: through nested structs to the scalar or pointer at an offset. */
  access(struct: number, off: number, size: number): Walked {
    let step = this.walk(struct, off, size, 0)
    for (let steps = 0; step.what === 'struct' && steps < MAX_STEPS; steps++) {
      step = this.walk(step.id, 0, size, step.flags)
    }
    return step.what === 'struct' ? error('EINVAL', 'structs are nested too deeply') : step
  }

  /**
   * btf_struct_ids_match: is what lies at an offset of one struct the other one, or does it begin with it? `print` takes the
   * log's line of a member that is neither.
   */
  matches(
    struct: number,
    off: number,
    need: number,
    strict: boolean,
    print: (line: string) => void,
  ): boolean {
    if (struct === 0 || need === 0) return false
    if (off === 0 && struct === need) return true
    if (strict) return false
    let step = this.walk(struct, off, 1, 0)
    for (let steps = 0; step.what === 'struct' && steps < MAX_STEPS; steps++) {
      if (step.id === need) return true
      step = this.walk(step.id, 0, 1, step.flags)
    }
    if (step.what === 'error') print(step.text)
    return false
  }

  /**
   * btf_nested_type_is_trusted: does the kernel say that a struct's member is as good as the pointer to the struct? It does
   * so by a struct in its BTF with the same name and a suffix, that has the member: `task_struct__safe_rcu`.
   */
  isSafeMember(struct: number, suffix: string, member: string, target: number): boolean {
    const { btf } = this
    const safe = btf.findByName(btf.kind(struct), `${this.name(struct)}${suffix}`)
    if (safe === undefined) return false
    return this.#membersOf(safe).some(
      (m) =>
        m.name === member && btf.kind(m.type) === BTF_KIND.PTR && btf.resolve(btf.target(m.type)) === target,
    )
  }
}
