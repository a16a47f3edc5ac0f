import { readFileSync } from 'node:fs'
import { type Btf, formatCDeclaration, parseBtf } from '@skep/btf'
import { decodeLenient, formatKernel, type RawSlot } from '@skep/isa'
import type { Kernel, ProgramCode, ProgramInfo } from '@skep/linux'

export interface XlatedOptions {
  /** The bytes behind each instruction. */
  readonly opcodes: boolean
  /** File, line and column behind source text. */
  readonly linum: boolean
}

/** The kernel's functions by their addresses: a text of some megabytes, of which few lines are asked for. */
class Symbols {
  readonly #table = `\n${readFileSync('/proc/kallsyms', 'latin1')}`
  readonly #base: bigint

  constructor() {
    const at = this.#table.search(/ __bpf_call_base[\n\t]/)
    this.#base = at < 0 ? 0n : BigInt(`0x${this.#table.slice(this.#table.lastIndexOf('\n', at) + 1, at - 2)}`)
  }

  /** The function that a call of a helper has become, whose distance from __bpf_call_base it holds. */
  nameOf(distance: number): string | undefined {
    if (this.#base === 0n) return undefined
    const address = (this.#base + BigInt(distance)).toString(16).padStart(16, '0')
    const at = this.#table.indexOf(`\n${address} `)
    return at < 0 ? undefined : /\S+/.exec(this.#table.slice(at + 20, at + 200))?.[0]
  }
}

const PSEUDO_MAP_FD = 1
const PSEUDO_MAP_VALUE = 2
const PSEUDO_CALL = 1
const LD_IMM64 = 0x18
const CALL = 0x85

/** An instruction in bpftool's words: the kernel's, with what was fixed up named. */
function nameFixups(
  insn: RawSlot,
  slot: number,
  symbols: Symbols,
  functionAt: (slot: number) => string | undefined,
): string {
  const { code, dst, src, imm } = insn
  const id = imm >>> 0
  if (code === LD_IMM64 && src === PSEUDO_MAP_FD) return `(18) r${dst} = map[id:${id}]`
  if (code === LD_IMM64 && src === PSEUDO_MAP_VALUE)
    return `(18) r${dst} = map[id:${id}][0]+${(insn.imm64 ?? 0n) >> 32n}`
  if (code === CALL && src === PSEUDO_CALL)
    return `(85) call pc${imm < 0 ? imm : `+${imm}`}#${functionAt(slot + imm + 1) ?? imm}`
  if (code === CALL) return `(85) call ${symbols.nameOf(imm) ?? 'unknown'}#${imm}`
  return formatKernel(insn)
}

interface Line {
  readonly proto?: string
  readonly src?: string
  readonly file?: string
  readonly line_num?: number
  readonly line_col?: number
  readonly disasm: string
  readonly opcodes?: object
}

const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, '0')}`

/** What bpftool's JSON says of an instruction's bytes. */
function opcodesOf(bytes: Uint8Array): object {
  const each = (from: number, to: number): string[] => [...bytes.subarray(from, to)].map(hex)
  return {
    code: hex(bytes[0]!),
    src_reg: `0x${(bytes[1]! >> 4).toString(16)}`,
    dst_reg: `0x${(bytes[1]! & 15).toString(16)}`,
    off: each(2, 4),
    imm: each(4, bytes.length),
  }
}

/** The program's instructions after the verifier's rewriting, with the prototypes and source lines of its BTF. */
export function listXlated(
  kernel: Kernel,
  info: ProgramInfo,
  code: ProgramCode,
  options: XlatedOptions,
): { readonly json: readonly Line[]; readonly text: string } {
  const symbols = new Symbols()
  const bytes = info.btfId === 0 ? undefined : kernel.btfInfo(info.btfId)?.bytes
  const btf = bytes && parseBtf(bytes)
  const prototypes = prototypesOf(btf, code.functions)
  const sources = sourcesOf(btf, code.lines)
  const json: Line[] = []
  const text: string[] = []
  const insns = decodeLenient(code.xlated)
  for (let slot = 0, wide = 1; slot < insns.length; slot += wide) {
    const insn = insns[slot]!
    wide = insn.code === LD_IMM64 ? 2 : 1
    const raw = code.xlated.subarray(8 * slot, 8 * (slot + wide))
    const proto = prototypes.get(slot)
    const source = sources.get(slot)
    const disasm = nameFixups(insn, slot, symbols, (at) => nameAt(prototypes.get(at)))
    const place =
      source && options.linum ? { file: source.file, line_num: source.line, line_col: source.column } : {}
    json.push({
      ...(proto === undefined ? {} : { proto }),
      ...(source ? { src: source.text } : {}),
      ...place,
      disasm,
      ...(options.opcodes ? { opcodes: opcodesOf(raw) } : {}),
    })
    if (proto !== undefined) text.push(`${proto}:`)
    if (source) {
      const where = options.linum
        ? ` [file:${source.file} line_num:${source.line} line_col:${source.column}]`
        : ''
      text.push(`; ${source.text}${where}`)
    }
    text.push(`${String(slot).padStart(4)}: ${disasm}`)
    if (options.opcodes)
      text.push(`       ${[...raw].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`)
  }
  return { json, text: text.join('\n') }
}

const words = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.slice().buffer)

function prototypesOf(btf: Btf | undefined, records: Uint8Array): ReadonlyMap<number, string> {
  const found = new Map<number, string>()
  const all = words(records)
  for (let n = 0; btf && n < all.length; n += 2) {
    const type = all[n + 1]!
    // bpftool parts the star from the name.
    const prototype = formatCDeclaration(btf, btf.target(type), btf.name(type))
    found.set(all[n]!, prototype.replaceAll(/\*(?=\w)/g, '* '))
  }
  return found
}

/** `int name(…)` → `name`. */
const nameAt = (prototype: string | undefined): string | undefined => /(\w+)\(/.exec(prototype ?? '')?.[1]

interface Source {
  readonly text: string
  readonly file: string
  readonly line: number
  readonly column: number
}

function sourcesOf(btf: Btf | undefined, records: Uint8Array): ReadonlyMap<number, Source> {
  const found = new Map<number, Source>()
  const all = words(records)
  for (let n = 0; btf && n < all.length; n += 4) {
    const place = all[n + 3]!
    const text = btf.string(all[n + 2]!).trimStart()
    found.set(all[n]!, { text, file: btf.string(all[n + 1]!), line: place >>> 10, column: place & 0x3ff })
  }
  return found
}
