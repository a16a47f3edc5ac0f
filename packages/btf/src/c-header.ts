import type { Btf } from './btf.ts'
import { CWriter, plainNames } from './c-declaration.ts'
import { BtfError } from './errors.ts'
import { BTF_KIND, BTF_LINKAGE } from './kinds.ts'

const ORDERING = 1
const ORDERED = 2
const EMITTING = 1
const EMITTED = 2
/** Types through which one leads to another before it is defined. */
const MAX_DEPTH = 512

/** Types of GCC's own that no header declares. */
const BUILT_IN: Readonly<Record<string, string>> = {
  __Poly8_t: 'unsigned char',
  __Poly16_t: 'unsigned short',
  __Poly64_t: 'unsigned long long',
  __Poly128_t: 'unsigned __int128',
}

export interface CHeaderOptions {
  /** Types that must be defined, with what they need; all when absent. */
  readonly ids?: Iterable<number>
}

/**
 * The C definitions of types, each after those that it needs, structs declared first where they refer to each other: the
 * text of `bpftool btf dump … format c` between its guards. Throws BtfError for types that C cannot order.
 */
export function formatCHeader(btf: Btf, options: CHeaderOptions = {}): string {
  const header = new Header(btf)
  if (options.ids) for (const id of options.ids) header.add(id)
  else for (let id = 1; id < btf.count; id++) header.add(id)
  return header.text()
}

/** The definition of one type, without those that it needs: a struct's body, a function's prototype, a variable. */
export function formatC(btf: Btf, id: number): string {
  const writer = new CWriter(btf, plainNames(btf))
  switch (btf.kind(id)) {
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
      writer.struct(id, 0)
      break
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64:
      writer.enum(id, 0)
      break
    case BTF_KIND.FWD:
      writer.forward(id)
      break
    case BTF_KIND.TYPEDEF:
      writer.typedef(id)
      break
    case BTF_KIND.FUNC:
    case BTF_KIND.VAR: {
      const linkage = btf.linkage(id)
      if (linkage === BTF_LINKAGE.STATIC) writer.write('static ')
      if (linkage === BTF_LINKAGE.EXTERN) writer.write('extern ')
      writer.declaration(btf.target(id), btf.name(id), 0)
      break
    }
    default:
      writer.declaration(id, '', 0)
  }
  return writer.take()
}

/** `const char *name[4]`: a declaration of something of that type; the type alone without a name. */
export function formatCDeclaration(btf: Btf, id: number, name = ''): string {
  const writer = new CWriter(btf, plainNames(btf))
  writer.declaration(id, name, 0)
  return writer.take()
}

class Header {
  readonly #btf: Btf
  readonly #writer: CWriter
  readonly #order: Uint8Array
  readonly #emit: Uint8Array
  readonly #declared: Uint8Array
  readonly #referenced: Uint8Array
  #queue: number[] = []

  constructor(btf: Btf) {
    this.#btf = btf
    const named = new Map<number, string>()
    const resolve = (id: number, used: Map<string, number>): string => {
      const name = btf.name(id)
      if (name === '') return ''
      // A declaration shares its name with the definition.
      if (btf.kind(id) === BTF_KIND.FWD || (btf.kind(id) === BTF_KIND.ENUM && btf.vlen(id) === 0)) return name
      const known = named.get(id)
      if (known !== undefined) return known
      const own = numbered(name, used)
      named.set(id, own)
      return own
    }
    const tags = new Map<string, number>()
    const identifiers = new Map<string, number>()
    this.#writer = new CWriter(btf, {
      tag: (id) => resolve(id, tags),
      alias: (id) => resolve(id, identifiers),
      enumerator: (name) => numbered(name, identifiers),
    })
    this.#order = new Uint8Array(btf.count)
    this.#emit = new Uint8Array(btf.count)
    this.#declared = new Uint8Array(btf.count)
    this.#referenced = new Uint8Array(btf.count)
    for (let id = 1; id < btf.count; id++)
      btf.references(id, (type) => {
        this.#referenced[type] = 1
      })
  }

  text(): string {
    return this.#writer.take()
  }

  add(id: number): void {
    this.#queue = []
    this.#sort(id, false, 0)
    for (const next of this.#queue) this.#define(next, 0, 0)
  }

  /**
   * Puts what a type needs into the queue before it. True when the type must be complete before what refers to it: not
   * through a pointer to something with a name.
   */
  #sort(id: number, pointer: boolean, depth: number): boolean {
    const btf = this.#btf
    if (this.#order[id] === ORDERED) return true
    this.#writer.spend(1)
    const kind = btf.kind(id)
    const named = btf.name(id) !== ''
    const composite = btf.isComposite(id)
    if (this.#order[id] === ORDERING) {
      if (composite && pointer && named) return false
      throw this.#bad(id, 'needs itself to be complete')
    }
    if (depth > MAX_DEPTH) throw this.#bad(id, `needs a chain of more than ${MAX_DEPTH} types`)
    switch (kind) {
      case BTF_KIND.PTR: {
        const strong = this.#sort(btf.target(id), true, depth + 1)
        this.#order[id] = ORDERED
        return strong
      }
      case BTF_KIND.ARRAY:
        return this.#sort(btf.array(id).element, false, depth + 1)
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
        if (pointer && named) return false
        this.#order[id] = ORDERING
        for (const member of btf.members(id)) this.#sort(member.type, false, depth + 1)
        if (named) this.#queue.push(id)
        this.#order[id] = ORDERED
        return true
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
      case BTF_KIND.FWD:
        if (named || !this.#referenced[id]) this.#queue.push(id)
        this.#order[id] = ORDERED
        return true
      case BTF_KIND.TYPEDEF: {
        const strong = this.#sort(btf.target(id), pointer, depth + 1)
        if (pointer && !strong) return false
        // A typedef met again on the way to its own end.
        if (this.#order[id] === ORDERED) return true
        this.#queue.push(id)
        this.#order[id] = ORDERED
        return true
      }
      case BTF_KIND.CONST:
      case BTF_KIND.VOLATILE:
      case BTF_KIND.RESTRICT:
      case BTF_KIND.TYPE_TAG:
        return this.#sort(btf.target(id), pointer, depth + 1)
      case BTF_KIND.FUNC_PROTO: {
        let strong = this.#sort(btf.target(id), pointer, depth + 1)
        for (const param of btf.params(id)) strong = this.#sort(param.type, pointer, depth + 1) || strong
        return strong
      }
      default:
        this.#order[id] = ORDERED
        return false
    }
  }

  /** Writes a definition and, before it, declarations of what it refers to. `container` is the type that refers to it. */
  #define(id: number, container: number, depth: number): void {
    const btf = this.#btf
    const writer = this.#writer
    if (this.#emit[id] === EMITTED) return
    writer.spend(1)
    if (depth > MAX_DEPTH) throw this.#bad(id, `needs a chain of more than ${MAX_DEPTH} types`)
    const kind = btf.kind(id)
    const top = container === 0
    if (this.#emit[id] === EMITTING) {
      this.#declareAgain(id, container)
      return
    }
    switch (kind) {
      case BTF_KIND.INT: {
        const name = btf.name(id)
        if (BUILT_IN[name] !== undefined) writer.write(`typedef ${BUILT_IN[name]} ${name};\n\n`)
        this.#emit[id] = EMITTED
        break
      }
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
        if (top) {
          writer.enum(id, 0)
          writer.write(';\n\n')
        }
        this.#emit[id] = EMITTED
        break
      case BTF_KIND.FWD:
        writer.forward(id)
        writer.write(';\n\n')
        this.#emit[id] = EMITTED
        break
      case BTF_KIND.TYPEDEF:
        this.#emit[id] = EMITTING
        this.#define(btf.target(id), id, depth + 1)
        if (!this.#declared[id]) this.#typedef(id)
        this.#emit[id] = EMITTED
        break
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION: {
        this.#emit[id] = EMITTING
        const anonymous = btf.name(id) === ''
        if (top || anonymous) {
          for (const member of btf.members(id))
            this.#define(member.type, anonymous ? container : id, depth + 1)
        } else if (!this.#declared[id] && id !== container) {
          this.#declare(id)
        }
        if (top) {
          writer.struct(id, 0)
          writer.write(';\n\n')
        }
        this.#emit[id] = top ? EMITTED : 0
        break
      }
      case BTF_KIND.PTR:
      case BTF_KIND.ARRAY:
      case BTF_KIND.CONST:
      case BTF_KIND.VOLATILE:
      case BTF_KIND.RESTRICT:
      case BTF_KIND.TYPE_TAG:
        this.#define(kind === BTF_KIND.ARRAY ? btf.array(id).element : btf.target(id), container, depth + 1)
        break
      case BTF_KIND.FUNC_PROTO:
        this.#define(btf.target(id), container, depth + 1)
        for (const param of btf.params(id)) this.#define(param.type, container, depth + 1)
        break
      default:
        break
    }
  }

  /** A type that is met while it is being defined. */
  #declareAgain(id: number, container: number): void {
    if (this.#declared[id]) return
    if (this.#btf.kind(id) === BTF_KIND.TYPEDEF) {
      this.#typedef(id)
      this.#declared[id] = 1
    } else if (this.#btf.isComposite(id) && id !== container && this.#btf.name(id) !== '') {
      this.#declare(id)
    }
  }

  #declare(id: number): void {
    this.#writer.forwardStruct(id)
    this.#writer.write(';\n\n')
    this.#declared[id] = 1
  }

  #typedef(id: number): void {
    if (this.#btf.name(id) === '__builtin_va_list') return
    this.#writer.typedef(id)
    this.#writer.write(';\n\n')
  }

  #bad(id: number, what: string): BtfError {
    return new BtfError('BAD_TYPE', this.#btf.typeOffset(id), `type ${id} ${this.#btf.name(id)} ${what}`)
  }
}

/** The name, with `___2` and so on from its second use. */
function numbered(name: string, used: Map<string, number>): string {
  const count = (used.get(name) ?? 0) + 1
  used.set(name, count)
  return count > 1 ? `${name}___${count}` : name
}
