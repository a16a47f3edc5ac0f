import type { BtfExt } from '@skep/btf'
import type { FunctionInfo, LineInfo, Reference } from '@skep/registry'
import { type ElfObject, type ElfRelocation, STB, STT } from './elf.ts'
import { ElfError } from './errors.ts'
import { type ElfFunction, type FunctionIndex, isCode } from './functions.ts'

const R_BPF_64_64 = 1
const R_BPF_64_32 = 10
const CALL = 0x85
const LD_IMM64 = 0x18
const PSEUDO = { MAP_FD: 1, MAP_VALUE: 2, BTF_ID: 3, FUNC: 4, CALL: 1, KFUNC: 2 } as const
/** No program of this many slots is ever accepted. */
const MAX_SLOTS = 1_000_000

export interface LinkContext {
  readonly elf: ElfObject
  readonly ext: BtfExt | undefined
  readonly functions: FunctionIndex
  /** The map defined at a place of a `maps` or `.maps` section. */
  readonly mapAt: (section: number, offset: number) => string | undefined
  /** The map that a data section became. */
  readonly dataMap: (section: number) => string | undefined
}

export interface LinkedCode {
  readonly insns: Uint8Array
  readonly references: Reference[]
  readonly functions: FunctionInfo[]
  readonly lines: LineInfo[]
}

interface Placed {
  readonly fn: ElfFunction
  readonly at: number
}

/** Puts a program and every function that it reaches into one run of slots and resolves its relocations. */
export function linkCode(main: ElfFunction, context: LinkContext): LinkedCode {
  const order: Placed[] = []
  const placed = new Map<ElfFunction, number>()
  let length = 0
  const place = (fn: ElfFunction): number => {
    const known = placed.get(fn)
    if (known !== undefined) return known
    const at = length
    placed.set(fn, at)
    order.push({ fn, at })
    length += fn.count
    if (length > MAX_SLOTS) {
      throw new ElfError(
        'BAD_FUNCTION',
        `the program and its functions have more than ${MAX_SLOTS} instructions`,
        { symbol: main.name },
      )
    }
    return at
  }

  // A callee comes right behind what was placed when its first call was met, depth first, as libbpf does.
  const patches: Patch[] = []
  place(main)
  const work: { fn: ElfFunction; at: number; slot: number }[] = [{ fn: main, at: 0, slot: 0 }]
  const relocations = relocationIndex(context.elf)
  while (work.length > 0) {
    const top = work.at(-1)!
    if (top.slot >= top.fn.count) {
      work.pop()
      continue
    }
    const slot = top.slot++
    const before = order.length
    const patch = resolve(top.fn, slot, top.at, context, relocations, place)
    if (patch) patches.push(patch)
    if (order.length > before) {
      const next = order.at(-1)!
      work.push({ fn: next.fn, at: next.at, slot: 0 })
    }
  }

  const insns = new Uint8Array(length * 8)
  for (const { fn, at } of order) {
    insns.set(fn.section.data.subarray(fn.start * 8, (fn.start + fn.count) * 8), at * 8)
  }
  const view = new DataView(insns.buffer)
  const references: Reference[] = []
  for (const patch of patches) apply(patch, view, references)
  return {
    insns,
    references: references.sort((a, b) => a.insn - b.insn),
    functions: order.map(({ fn, at }) => ({
      name: fn.name,
      insn: at,
      typeId: fn.typeId,
      linkage: fn.global ? 1 : 0,
    })),
    lines: order.flatMap(({ fn, at }) => linesOf(fn, at, context.ext)),
  }
}

type Relocations = (section: number, offset: number) => ElfRelocation | undefined

function relocationIndex(elf: ElfObject): Relocations {
  const bySection = new Map<number, Map<number, ElfRelocation>>()
  return (section, offset) => {
    let index = bySection.get(section)
    if (!index) {
      index = new Map((elf.relocations.get(section) ?? []).map((r) => [r.offset, r]))
      bySection.set(section, index)
    }
    return index.get(offset)
  }
}

interface Patch {
  readonly insn: number
  readonly src: number
  readonly imm: number
  readonly nextImm?: number
  readonly reference?: Reference
}

function apply(patch: Patch, view: DataView, references: Reference[]): void {
  const at = patch.insn * 8
  view.setUint8(at + 1, (view.getUint8(at + 1) & 0x0f) | (patch.src << 4))
  view.setInt32(at + 4, patch.imm, true)
  if (patch.nextImm !== undefined && at + 16 <= view.byteLength) view.setInt32(at + 12, patch.nextImm, true)
  if (patch.reference) references.push(patch.reference)
}

/** What one slot needs: a call's distance, a map, a global, a function. */
function resolve(
  fn: ElfFunction,
  slot: number,
  at: number,
  context: LinkContext,
  relocations: Relocations,
  place: (fn: ElfFunction) => number,
): Patch | undefined {
  const { data } = fn.section
  const byte = (fn.start + slot) * 8
  const view = new DataView(data.buffer, data.byteOffset + byte, 8)
  const code = view.getUint8(0)
  const imm = view.getInt32(4, true)
  const insn = at + slot
  const where = { section: fn.section.name, symbol: fn.name, insn: slot }
  const relocation = relocations(fn.section.index, byte)

  const callee = (section: number, target: number): ElfFunction => {
    const found = context.functions.at(section, target)
    if (found) return found
    throw new ElfError(
      'BAD_RELOCATION',
      `no function begins at instruction ${target} of section ${context.elf.sections[section]?.name ?? section}`,
      where,
    )
  }

  if (!relocation) {
    if (code !== CALL || view.getUint8(1) >> 4 !== PSEUDO.CALL) return undefined
    const target = callee(fn.section.index, fn.start + slot + imm + 1)
    return { insn, src: PSEUDO.CALL, imm: place(target) - insn - 1 }
  }

  const { symbol } = relocation
  const target = context.elf.sections[symbol.section]
  if (relocation.type === R_BPF_64_32) {
    if (code !== CALL) throw new ElfError('BAD_RELOCATION', 'a call relocation is not on a call', where)
    if (symbol.section === 0) return kfunc(insn, symbol.name, symbol.binding === STB.WEAK, where)
    if (!isCode(target))
      throw new ElfError('BAD_RELOCATION', `the call goes to ${symbol.name}, which is no code`, where)
    const fnAt = callee(symbol.section, symbol.value / 8 + imm + 1)
    return { insn, src: PSEUDO.CALL, imm: place(fnAt) - insn - 1 }
  }
  if (relocation.type !== R_BPF_64_64) {
    throw new ElfError(
      'BAD_RELOCATION',
      `relocation type ${relocation.type} has no meaning on an instruction`,
      where,
    )
  }
  if (code !== LD_IMM64 || slot + 1 >= fn.count) {
    throw new ElfError(
      'BAD_RELOCATION',
      `a reference to ${symbol.name} is on opcode 0x${code.toString(16)}, not on ld_imm64`,
      where,
    )
  }
  if (symbol.section === 0) {
    if (symbol.name === '')
      throw new ElfError('BAD_RELOCATION', 'a reference to an undefined symbol without a name', where)
    const reference: Reference = {
      insn,
      kind: 'ksym',
      name: symbol.name,
      ...(symbol.binding === STB.WEAK ? { weak: true } : {}),
    }
    return { insn, src: PSEUDO.BTF_ID, imm: 0, reference }
  }
  const offset = symbol.value + (symbol.type === STT.SECTION ? imm : 0)
  const map = context.mapAt(symbol.section, offset)
  if (map !== undefined)
    return { insn, src: PSEUDO.MAP_FD, imm: 0, nextImm: 0, reference: { insn, kind: 'map', map } }
  const data_ = context.dataMap(symbol.section)
  if (data_ !== undefined) {
    const into = symbol.value + imm
    return {
      insn,
      src: PSEUDO.MAP_VALUE,
      imm: 0,
      nextImm: into,
      reference: { insn, kind: 'map_value', map: data_, offset: into },
    }
  }
  if (isCode(target)) {
    const fnAt = place(callee(symbol.section, (symbol.value + imm) / 8))
    return {
      insn,
      src: PSEUDO.FUNC,
      imm: fnAt - insn - 1,
      nextImm: 0,
      reference: { insn, kind: 'func', target: fnAt },
    }
  }
  throw new ElfError(
    'BAD_RELOCATION',
    `refers to ${symbol.name} in section ${target?.name ?? symbol.section}, which is neither map, data nor code`,
    where,
  )
}

function kfunc(
  insn: number,
  name: string,
  weak: boolean,
  where: { section: string; symbol: string; insn: number },
): Patch {
  if (name === '') throw new ElfError('BAD_RELOCATION', 'a call to an undefined symbol without a name', where)
  return {
    insn,
    src: PSEUDO.KFUNC,
    imm: 0,
    reference: { insn, kind: 'kfunc', name, ...(weak ? { weak } : {}) },
  }
}

function linesOf(fn: ElfFunction, at: number, ext: BtfExt | undefined): LineInfo[] {
  const from = fn.start * 8
  const to = from + fn.count * 8
  return (ext?.lines.get(fn.section.name) ?? [])
    .filter((l) => l.offset >= from && l.offset < to)
    .map(({ offset, file, text, line, column }) => ({
      insn: at + (offset - from) / 8,
      file,
      text,
      line,
      column,
    }))
}
