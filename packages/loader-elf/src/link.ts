import { BTF_LINKAGE } from '@skep/btf'
import type { FunctionInfo, LineInfo, Reference } from '@skep/registry'
import type { RelocatedCode } from './core.ts'
import {
  type ElfObject,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  isCode,
  isUndefined,
  SHN_LORESERVE,
  STT,
} from './elf.ts'
import { ElfError } from './errors.ts'
import { type Extern, KCONFIG } from './externs.ts'
import type { ElfFunction, FunctionIndex } from './functions.ts'

const R_BPF_64_64 = 1
const R_BPF_64_32 = 10
const CALL = 0x85
const LD_IMM64 = 0x18
const PSEUDO = { MAP_FD: 1, MAP_VALUE: 2, BTF_ID: 3, FUNC: 4, CALL: 1, KFUNC: 2 } as const
/** libbpf's POISON_CALL_KFUNC_BASE, of helpers that do not exist, one for each extern: refused where a call is reached. */
const POISONED_CALLS = 2_002_000_000
/** No program of this many slots is ever accepted. */
const MAX_SLOTS = 1_000_000
/** Of all programs of an object: functions that many programs share are copied into each. */
const MAX_TOTAL_SLOTS = 2_000_000

/** What symbols stand for besides code. */
export interface LinkTargets {
  /** The map defined at a place of a section of maps. */
  mapAt(section: number, offset: number): string | undefined
  /** The map that a data section became. */
  dataMap(section: number): string | undefined
  extern(name: string): Extern | undefined
  /** The kernel's types are given, and it is not among them. */
  missing(extern: Extern): boolean
  /** Its number among the object's externs. */
  numberOf(extern: Extern): number
  /** Bytes into the value of .kconfig. */
  kconfigOffset(name: string): number | undefined
}

export interface LinkedCode {
  readonly insns: Uint8Array
  readonly references: readonly Reference[]
  readonly functions: readonly FunctionInfo[]
  readonly lines: readonly LineInfo[]
}

interface Place {
  readonly section: string
  readonly symbol: string
  readonly insn: number
}

interface Patch {
  readonly insn: number
  readonly src: number
  readonly imm: number
  readonly nextImm?: number
  readonly reference?: Reference
}

/** Puts programs together from the functions of an object. */
export class Linker {
  readonly #elf: ElfObject
  readonly #functions: FunctionIndex
  readonly #code: RelocatedCode
  readonly #targets: LinkTargets
  readonly #relocations = new Map<ElfSection, Map<number, ElfRelocation>>()
  #total = 0

  constructor(elf: ElfObject, functions: FunctionIndex, code: RelocatedCode, targets: LinkTargets) {
    this.#elf = elf
    this.#functions = functions
    this.#code = code
    this.#targets = targets
  }

  /**
   * A program and every function that it reaches in one run of slots, its relocations resolved. `also` is a function that it
   * needs without calling it. `notes` takes what was poisoned.
   */
  link(main: ElfFunction, also: ElfFunction | undefined, notes: string[]): LinkedCode {
    const program = new Program(main, (more) => {
      this.#total += more
      return this.#total <= MAX_TOTAL_SLOTS
    })
    const patches: Patch[] = []
    this.#placeAll(program, main, patches)
    if (also) this.#placeAll(program, also, patches)

    const insns = new Uint8Array(program.length * 8)
    for (const { fn, at } of program.order) {
      insns.set(this.#code.code(fn.section).subarray(fn.start * 8, (fn.start + fn.count) * 8), at * 8)
      for (let slot = 0; slot < fn.count; slot++) {
        const poison = this.#code.poisoned(fn.section, fn.start + slot)
        if (poison !== undefined)
          notes.push(
            `program ${main.name}: insn ${at + slot} is poisoned, failed to resolve CO-RE relocation ${poison}`,
          )
      }
    }
    const view = new DataView(insns.buffer)
    const references: Reference[] = []
    for (const patch of patches) apply(patch, view, references)
    // Types of functions are given for all or none.
    const typed = main.typeId !== 0
    return {
      insns,
      references: references.sort((a, b) => a.insn - b.insn),
      functions: program.order.map(({ fn, at }) => ({
        name: fn.name,
        insn: at,
        typeId: typed ? this.#typeId(fn) : 0,
        linkage:
          fn.global && !(fn.hidden && fn.section.name === '.text') ? BTF_LINKAGE.GLOBAL : BTF_LINKAGE.STATIC,
      })),
      lines: program.order.flatMap(({ fn, at }) =>
        this.#functions.lines(fn).map(({ offset, file, text, line, column }) => ({
          insn: at + Math.floor(offset / 8) - fn.start,
          file,
          text,
          line,
          column,
        })),
      ),
    }
  }

  #typeId(fn: ElfFunction): number {
    if (fn.typeId !== 0) return fn.typeId
    throw new ElfError(
      'BAD_BTF',
      'the function has no record in .BTF.ext, but its caller has; compile all with -g',
      {
        section: fn.section.name,
        symbol: fn.name,
      },
    )
  }

  /** A callee comes right behind what was placed when its first call was met, depth first, as in libbpf. */
  #placeAll(program: Program, from: ElfFunction, patches: Patch[]): void {
    if (program.has(from)) return
    program.place(from)
    const work = [{ ...program.order.at(-1)!, slot: 0 }]
    for (let top = work.at(-1); top; top = work.at(-1)) {
      if (top.slot >= top.fn.count) {
        work.pop()
        continue
      }
      const before = program.order.length
      const patch = this.#resolve(top.fn, top.slot++, top.at, program)
      if (patch) patches.push(patch)
      if (program.order.length > before) work.push({ ...program.order.at(-1)!, slot: 0 })
    }
  }

  #relocation(section: ElfSection, offset: number): ElfRelocation | undefined {
    let index = this.#relocations.get(section)
    if (!index) {
      const list = this.#elf.relocations(section)
      for (const { offset: at, symbol } of list) {
        if (at % 8 === 0 && at < section.size) continue
        throw new ElfError('BAD_RELOCATION', `patches no instruction of ${section.size} bytes`, {
          section: section.name,
          symbol: symbol.name,
          offset: at,
        })
      }
      index = new Map(list.map((r) => [r.offset, r]))
      this.#relocations.set(section, index)
    }
    return index.get(offset)
  }

  /** What one slot needs: a call's distance, a map, a global, a function, something of the kernel. */
  #resolve(fn: ElfFunction, slot: number, at: number, program: Program): Patch | undefined {
    const byte = (fn.start + slot) * 8
    const code = this.#code.code(fn.section)
    const opcode = code[byte]
    const relocation = this.#relocation(fn.section, byte)
    if (opcode !== CALL && opcode !== LD_IMM64 && !relocation) return undefined
    const src = code[byte + 1]! >> 4
    const imm = new DataView(code.buffer, code.byteOffset + byte, 8).getInt32(4, true)
    const insn = at + slot
    const where = { section: fn.section.name, symbol: fn.name, insn: slot }
    if (!relocation) {
      if (opcode === LD_IMM64 && src === PSEUDO.FUNC)
        throw new ElfError(
          'BAD_RELOCATION',
          'loads the address of a function, but no relocation says which',
          where,
        )
      if (opcode !== CALL || src !== PSEUDO.CALL) return undefined
      return this.#call(insn, this.#functionAt(fn.section, fn.start + slot + imm + 1, where), program)
    }
    const { symbol, type } = relocation
    // A poisoned instruction has no more use for its relocation.
    if (this.#code.poisoned(fn.section, fn.start + slot) !== undefined) return undefined
    if (type !== R_BPF_64_32 && type !== R_BPF_64_64)
      throw new ElfError('BAD_RELOCATION', `relocation type ${type} has no meaning on an instruction`, where)
    if (opcode === CALL) return this.#callSymbol(insn, symbol, src, imm, where, program)
    if (opcode !== LD_IMM64 || slot + 1 >= fn.count) {
      throw new ElfError(
        'BAD_RELOCATION',
        `a reference to ${symbol.name} is on opcode 0x${opcode!.toString(16)}, not on a call or an ld_imm64`,
        where,
      )
    }
    return this.#load(insn, symbol, imm, where, program)
  }

  #functionAt(section: ElfSection | undefined, slot: number, where: Place): ElfFunction {
    const found = section && this.#functions.at(section, slot)
    if (found) return found
    throw new ElfError(
      'BAD_RELOCATION',
      `no function begins at instruction ${slot} of section ${section?.name ?? '?'}`,
      where,
    )
  }

  #call(insn: number, callee: ElfFunction, program: Program): Patch {
    return { insn, src: PSEUDO.CALL, imm: program.place(callee) - insn - 1 }
  }

  #callSymbol(
    insn: number,
    symbol: ElfSymbol,
    src: number,
    imm: number,
    where: Place,
    program: Program,
  ): Patch {
    if (isUndefined(symbol)) {
      const extern = this.#extern(symbol, where)
      if (extern.kind !== 'function')
        throw new ElfError('BAD_RELOCATION', `calls ${symbol.name}, which is a variable`, where)
      if (extern.weak && this.#targets.missing(extern))
        return { insn, src: 0, imm: POISONED_CALLS + this.#targets.numberOf(extern) }
      const reference: Reference = {
        insn,
        kind: 'kfunc',
        name: extern.name,
        ...(extern.weak ? { weak: true } : {}),
      }
      return { insn, src: PSEUDO.KFUNC, imm: 0, reference }
    }
    const target = this.#elf.sections[symbol.section]
    if (!isCode(target) || src !== PSEUDO.CALL)
      throw new ElfError('BAD_RELOCATION', `the call goes to ${symbol.name}, which is no code`, where)
    return this.#call(insn, this.#functionAt(target, symbol.value / 8 + imm + 1, where), program)
  }

  #extern(symbol: ElfSymbol, where: Place): Extern {
    const extern = this.#targets.extern(symbol.name)
    if (extern) return extern
    throw new ElfError(
      'BAD_EXTERN',
      `refers to ${symbol.name || 'a symbol without a name'}, which is undefined`,
      where,
    )
  }

  #load(insn: number, symbol: ElfSymbol, imm: number, where: Place, program: Program): Patch {
    if (isUndefined(symbol)) return this.#loadExtern(insn, this.#extern(symbol, where))
    if (symbol.section === 0 || symbol.section >= SHN_LORESERVE) {
      throw new ElfError(
        'BAD_RELOCATION',
        `refers to ${symbol.name || 'a symbol'} in no section; was a global variable left without a value?`,
        where,
      )
    }
    // Static maps are named by their section and an offset in the instruction.
    const definition = symbol.value + (symbol.type === STT.SECTION ? imm : 0)
    const map = this.#targets.mapAt(symbol.section, definition)
    if (map !== undefined)
      return { insn, src: PSEUDO.MAP_FD, imm: 0, nextImm: 0, reference: { insn, kind: 'map', map } }
    const data = this.#targets.dataMap(symbol.section)
    if (data !== undefined) return mapValue(insn, data, symbol.value + imm)
    const target = this.#elf.sections[symbol.section]
    if (isCode(target)) {
      const at = program.place(this.#functionAt(target, (symbol.value + imm) / 8, where))
      const reference: Reference = { insn, kind: 'func', target: at }
      return { insn, src: PSEUDO.FUNC, imm: at - insn - 1, nextImm: 0, reference }
    }
    throw new ElfError(
      'BAD_RELOCATION',
      `refers to ${symbol.name} in section ${target?.name ?? symbol.section}, which is neither map, data nor code`,
      where,
    )
  }

  #loadExtern(insn: number, extern: Extern): Patch {
    const { name, weak } = extern
    if (extern.kind === 'kconfig') return mapValue(insn, KCONFIG, this.#targets.kconfigOffset(name) ?? 0)
    if (weak && extern.kind !== 'address' && this.#targets.missing(extern))
      return { insn, src: 0, imm: 0, nextImm: 0 }
    const reference: Reference = { insn, kind: 'ksym', name, ...(weak ? { weak: true } : {}) }
    // Of an extern void the kernel gives a number, of others a pointer with a type.
    const src = extern.kind === 'address' ? 0 : PSEUDO.BTF_ID
    return { insn, src, imm: 0, nextImm: 0, reference }
  }
}

const mapValue = (insn: number, map: string, into: number): Patch => {
  // As the kernel reads the second half of the instruction.
  const offset = into >>> 0
  return {
    insn,
    src: PSEUDO.MAP_VALUE,
    imm: 0,
    nextImm: into | 0,
    reference: { insn, kind: 'map_value', map, offset },
  }
}

/** The functions of a program in their order. */
class Program {
  readonly order: { readonly fn: ElfFunction; readonly at: number }[] = []
  readonly #main: ElfFunction
  readonly #spend: (slots: number) => boolean
  readonly #placed = new Map<ElfFunction, number>()
  #length = 0

  constructor(main: ElfFunction, spend: (slots: number) => boolean) {
    this.#main = main
    this.#spend = spend
  }

  get length(): number {
    return this.#length
  }

  has(fn: ElfFunction): boolean {
    return this.#placed.has(fn)
  }

  /** The slot where a function begins; it is put behind the others at its first use. */
  place(fn: ElfFunction): number {
    const known = this.#placed.get(fn)
    if (known !== undefined) return known
    const at = this.#length
    this.#length += fn.count
    const fits = this.#spend(fn.count)
    if (this.#length > MAX_SLOTS || !fits) {
      const limit = fits
        ? `a program of more than ${MAX_SLOTS} instructions`
        : `programs of more than ${MAX_TOTAL_SLOTS} instructions together`
      throw new ElfError('BAD_FUNCTION', limit, { section: this.#main.section.name, symbol: this.#main.name })
    }
    this.#placed.set(fn, at)
    this.order.push({ fn, at })
    return at
  }
}

function apply(patch: Patch, view: DataView, references: Reference[]): void {
  const at = patch.insn * 8
  view.setUint8(at + 1, (view.getUint8(at + 1) & 0x0f) | (patch.src << 4))
  view.setInt32(at + 4, patch.imm, true)
  if (patch.nextImm !== undefined) view.setInt32(at + 12, patch.nextImm, true)
  if (patch.reference) references.push(patch.reference)
}
