import type { Insn } from '@skep/isa'
import type { LinkedArray } from '@skep/registry'
import type { CallPlan } from './calls.ts'
import { OPERAND } from './effects.ts'
import type { CompiledFunction } from './functions.ts'

/** A number in each element of an array that the program only adds to. */
export interface CounterField {
  /** From the element's first byte. */
  readonly offset: number
  readonly size: 4 | 8
}

/** An array of whose values the program does nothing but add to them. */
export interface CountedArray {
  readonly array: LinkedArray & Required<Pick<LinkedArray, 'sums'>>
  readonly fields: readonly CounterField[]
}

/** Where something is added to a value. */
export interface CounterSite {
  /** Place of the array among `Counters.arrays`. */
  readonly array: number
  readonly size: 4 | 8
  /** The operand that holds the value's address, and the offset from it. */
  readonly pointer: { readonly slot: number; readonly operand: number; readonly offset: number }
  /** What is added: an operand of the instruction at the site, or a number. */
  readonly addend: { readonly operand: number } | { readonly constant: number }
  /** The program says that it is one step for everybody. */
  readonly atomic: boolean
}

/** What a program counts. */
export interface Counters {
  readonly arrays: readonly CountedArray[]
  /** By the slot of the addition, or of the atomic instruction. */
  readonly sites: ReadonlyMap<number, CounterSite>
  /** Slots of the loads and stores around the additions. */
  readonly parts: ReadonlySet<number>
}

/**
 * Finds the counters of a program: values of arrays that it adds to and does not look at. Nobody can tell when between the
 * beginning and the end of a batch it adds to them, if it does nothing that others wait for: it calls nothing but lookups,
 * and neither takes locks nor orders memory. So a batch may add up for itself first.
 */
export function findCounters(fn: CompiledFunction): Counters | undefined {
  if (fn.callsHelpers || fn.tailCalls || fn.callees.length > 0 || fn.callbacks.length > 0) return undefined
  if (!fn.program.maps.some(({ array }) => array?.sums)) return undefined
  const finder = new Finder(fn)
  const sites = new Map<number, CounterSite>()
  const parts = new Set<number>()
  const arrays: CountedArray[] = []
  for (const array of finder.candidates()) {
    const found = finder.find(array, arrays.length)
    if (!found) continue
    arrays.push({ array: array as CountedArray['array'], fields: found.fields })
    for (const [slot, site] of found.sites) sites.set(slot, site)
    for (const slot of found.parts) parts.add(slot)
  }
  return arrays.length > 0 ? { arrays, sites, parts } : undefined
}

/** Whether the instruction leaves the order of memory to the processor, as plain accesses and additions do. */
function isRelaxed({ def }: Insn, plan: () => CallPlan): boolean {
  switch (def.kind) {
    case 'atomic':
      return !def.fetch && def.atomicOp === 'add'
    case 'load_acq':
    case 'store_rel':
    case 'callx':
    case 'ld_abs':
    case 'ld_ind':
      return false
    case 'call': {
      const called = plan()
      if (called.kind === 'map_op') return called.op === 'lookup'
      return called.kind === 'array_lookup' || called.kind === 'lowered'
    }
    default:
      return true
  }
}

interface Found {
  readonly sites: Map<number, CounterSite>
  readonly parts: Set<number>
  readonly fields: CounterField[]
}

/** An instruction that reads a live range, and by which operand. */
type Use = readonly [slot: number, operand: number]

class Finder {
  readonly #fn: CompiledFunction
  /** Slots of instructions, and the number of each one's block. */
  readonly #slots: number[] = []
  readonly #blocks: number[] = []
  readonly #uses = new Map<number, Use[]>()
  readonly #defs = new Map<number, number[]>()
  readonly #relaxed: boolean

  constructor(fn: CompiledFunction) {
    this.#fn = fn
    let relaxed = true
    const add = <T>(lists: Map<number, T[]>, range: number, item: T): void => {
      if (range < 0) return
      const list = lists.get(range)
      if (list) list.push(item)
      else lists.set(range, [item])
    }
    fn.blocks.forEach(({ first, end }, block) => {
      for (let slot = first; slot < end; slot++) {
        const insn = this.#insn(slot)
        this.#slots.push(slot)
        this.#blocks.push(block)
        relaxed &&= isRelaxed(insn, () => fn.values.plan(slot))
        add(this.#defs, fn.values.defRange(slot), slot)
        for (let operand = 0; operand < 3; operand++) {
          if (fn.values.operand(slot, operand) >= 0)
            add(this.#uses, fn.values.useRange(slot, operand), [slot, operand])
        }
        if (insn.def.kind === 'ld_imm64') slot++
      }
    })
    this.#relaxed = relaxed
  }

  #insn(slot: number): Insn {
    return this.#fn.program.insns[slot]!
  }

  #block(slot: number): number {
    return this.#blocks[this.#slots.indexOf(slot)]!
  }

  /** Arrays that the program looks up in or points into, and that have sums. */
  *candidates(): Generator<LinkedArray> {
    if (!this.#relaxed) return
    for (const { array } of new Map(this.#fn.program.maps.map((map) => [map.address, map])).values()) {
      if (array?.sums && array.stride % 8 === 0 && array.data % 8 === 0) yield array
    }
  }

  /** Offsets from an element of the live ranges that hold addresses in the array; undefined when one may hold another too. */
  #pointers(array: LinkedArray): Map<number, number> | undefined {
    const { values } = this.#fn
    const offsets = new Map<number, number>()
    const counts = new Map<number, number>()
    const seen = new Set<number>()
    for (let grew = true; grew; ) {
      grew = false
      for (const slot of this.#slots) {
        const range = values.defRange(slot)
        if (range < 0 || seen.has(slot)) continue
        const offset = this.#origin(slot, array, offsets)
        if (offset === undefined) continue
        seen.add(slot)
        grew = true
        if ((offsets.get(range) ?? offset) !== offset) return undefined
        offsets.set(range, offset)
        counts.set(range, (counts.get(range) ?? 0) + 1)
      }
    }
    for (const [range, count] of counts) if (values.countOf(range).defs !== count) return undefined
    return offsets
  }

  /** The offset from an element's first byte of the address that the instruction makes, if it makes one. */
  #origin(slot: number, array: LinkedArray, known: ReadonlyMap<number, number>): number | undefined {
    const { def, imm, imm64 } = this.#insn(slot)
    const { values } = this.#fn
    switch (def.kind) {
      case 'call': {
        const plan = values.plan(slot)
        return plan.kind === 'array_lookup' && plan.array.data === array.data ? 0 : undefined
      }
      case 'ld_imm64': {
        const at = Number(imm64 ?? -1) - array.data
        return at >= 0 && at < array.stride * array.maxEntries ? at % array.stride : undefined
      }
      case 'mov':
        if (def.source !== 'reg' || def.width !== 64) return undefined
        return known.get(values.useRange(slot, OPERAND.src))
      case 'alu': {
        const from = known.get(values.useRange(slot, OPERAND.dst))
        if (def.aluOp !== 'add' || def.width !== 64 || def.source !== 'imm') return undefined
        return from === undefined ? undefined : from + imm
      }
      default:
        return undefined
    }
  }

  /** The additions to the array's values, if the program does nothing else with them. */
  find(array: LinkedArray, index: number): Found | undefined {
    const pointers = this.#pointers(array)
    if (!pointers || pointers.size === 0) return undefined
    const found: Found = { sites: new Map(), parts: new Set(), fields: [] }
    const accesses: number[] = []
    for (const [range, offset] of pointers) {
      for (const [slot, operand] of this.#uses.get(range) ?? []) {
        const insn = this.#insn(slot)
        const { kind } = insn.def
        const address = kind === 'ldx' ? OPERAND.src : OPERAND.dst
        if (kind === 'ldx' || kind === 'stx' || kind === 'atomic') {
          // Not a store of the pointer itself.
          if (operand !== address || !this.#field(found, array, offset + insn.off, insn.def.size))
            return undefined
          accesses.push(slot)
        } else if (!this.#keeps(slot, insn, pointers)) return undefined
      }
    }
    for (const slot of accesses) {
      const { kind } = this.#insn(slot).def
      if (kind === 'atomic') this.#atomic(slot, index, found)
      else if (kind === 'ldx' && !this.#addition(slot, index, accesses, found)) return undefined
    }
    // A store that belongs to no addition.
    if (accesses.some((slot) => !found.parts.has(slot) && !found.sites.has(slot))) return undefined
    return found.sites.size > 0 ? found : undefined
  }

  /** Whether an instruction that reads a pointer compares it with null, or makes another pointer of it. */
  #keeps(slot: number, { def, imm }: Insn, pointers: ReadonlyMap<number, number>): boolean {
    if (def.kind === 'jump')
      return (def.jumpOp === 'eq' || def.jumpOp === 'ne') && def.source === 'imm' && imm === 0
    return (def.kind === 'mov' || def.kind === 'alu') && pointers.has(this.#fn.values.defRange(slot))
  }

  /** Notes a field; false for one that cannot be added to by itself. */
  #field(found: Found, { stride }: LinkedArray, offset: number, size: number): boolean {
    if ((size !== 4 && size !== 8) || offset < 0 || offset % size !== 0 || offset + size > stride)
      return false
    const overlap = found.fields.find(
      (field) => field.offset < offset + size && offset < field.offset + field.size,
    )
    if (!overlap) found.fields.push({ offset, size })
    return !overlap || (overlap.offset === offset && overlap.size === size)
  }

  #atomic(slot: number, index: number, found: Found): void {
    const { def, off } = this.#insn(slot)
    if (def.kind !== 'atomic') return
    found.sites.set(slot, {
      array: index,
      size: def.size,
      pointer: { slot, operand: OPERAND.dst, offset: off },
      addend: { operand: OPERAND.src },
      atomic: true,
    })
  }

  /** The addition that begins with a load, up to its store: neither has any other use. */
  #addition(load: number, index: number, accesses: readonly number[], found: Found): boolean {
    const { values } = this.#fn
    const { off, def } = this.#insn(load)
    const size = def.kind === 'ldx' ? def.size : 0
    if (size !== 4 && size !== 8) return false
    const sum = this.#onlyUse(load)
    if (!sum) return false
    const [at, operand] = sum
    const { def: adds, imm } = this.#insn(at)
    if (adds.kind !== 'alu' || adds.aluOp !== 'add' || adds.width < size * 8) return false
    const stored = this.#onlyUse(at)
    if (!stored) return false
    const [store, source] = stored
    const into = this.#insn(store)
    const base = values.useRange(load, OPERAND.src)
    if (into.def.kind !== 'stx' || source !== OPERAND.src || into.def.size !== size || into.off !== off)
      return false
    if (values.useRange(store, OPERAND.dst) !== base) return false
    if (load > at || at > store || this.#block(load) !== this.#block(store)) return false
    // One step: the pointer stays what it is, and no other access comes between.
    for (const slot of this.#slots) {
      if (slot > load && slot < store && (values.defRange(slot) === base || accesses.includes(slot)))
        return false
    }
    found.parts.add(load).add(store)
    found.sites.set(at, {
      array: index,
      size,
      pointer: { slot: load, operand: OPERAND.src, offset: off },
      addend:
        adds.source === 'imm'
          ? { constant: imm }
          : { operand: operand === OPERAND.dst ? OPERAND.src : OPERAND.dst },
      atomic: false,
    })
    return true
  }

  /** The one use of what the instruction writes, if it has one and is the only one to write it. */
  #onlyUse(slot: number): Use | undefined {
    const range = this.#fn.values.defRange(slot)
    if (range < 0) return undefined
    const { defs, uses } = this.#fn.values.countOf(range)
    return defs === 1 && uses === 1 ? this.#uses.get(range)?.[0] : undefined
  }
}
