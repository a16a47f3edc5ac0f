import {
  type AncillaryName,
  insn as build,
  type ClassicInsn,
  type ClassicOpDef,
  checkClassic,
  formatClassic,
  type Insn,
} from '@skep/isa'
import type { LineInfo, Platform, ProgramSpec } from '@skep/registry'
import { DirectLoads } from './direct-loads.ts'
import { Emitter, type Label, label } from './emitter.ts'
import { CbpfError, refusing } from './errors.ts'
import { A, analyze, type Step, X } from './flow.ts'
import { LegacyLoads } from './legacy-loads.ts'
import { type LoadOutput, type PacketLoads, packetLoad } from './packet-loads.ts'
import { REG_A, REG_CTX, REG_FP, REG_TMP, REG_X } from './registers.ts'
import {
  type ConstantExtension,
  EXTENSIONS,
  type FilterTarget,
  type FilterVerdicts,
  fieldOffset,
  targetOf,
} from './target.ts'

export interface TranslateOptions {
  /** The program's name. Default `filter`. */
  readonly name?: string
  /** The program type: `socket_filter` (the default), `sched_cls`, `sched_act`, `xdp`, or one of the platform. */
  readonly type?: string
  /**
   * How the packet is read. `legacy`: ld_abs and ld_ind, as the kernel's own translation behaves; the default where the
   * type allows them. `direct`: packet pointers with bounds checks, the default for `xdp`; bytes past 65,535 count as
   * outside, since no verifier lets a program prove more.
   */
  readonly style?: 'legacy' | 'direct'
  /**
   * What to return instead of the classic program's value: `accept` for all but 0, `reject` for 0. Default for `xdp`:
   * XDP_PASS and XDP_DROP. For other types the value is returned as it is.
   */
  readonly verdicts?: FilterVerdicts
  /** Values of Linux's extensions that the context does not have: `{ hatype: 1, vlan_tag_present: 0 }`. */
  readonly constants?: Readonly<Partial<Record<ConstantExtension, number>>>
  /** Direct style: where SKF_NET_OFF points. Default 14, past an Ethernet header. */
  readonly networkOffset?: number
  /** Default: none. No helper that filters call asks for one. */
  readonly license?: string
  /** Where program types other than Linux's are looked up. */
  readonly platform?: Platform
}

/**
 * Translates a classic program to eBPF with the meaning that Linux gives it (net/core/filter.c, bpf_convert_filter): A in
 * r0, X in r7, the context in r6, M[] on the stack; loads outside the packet and divisions by zero end the program with 0.
 * Instructions that no path reaches are left out, since eBPF verifiers refuse them. Each classic instruction is a line
 * of the result, with its text as `tcpdump -d` writes it.
 *
 * @throws CbpfError what `checkClassic` refuses; `NO_CONTEXT_FIELD` for a load that the program type has nothing for;
 * `BAD_OPTION`
 */
export function translateClassic(insns: readonly ClassicInsn[], options: TranslateOptions = {}): ProgramSpec {
  refusing(() => checkClassic(insns))
  return translateWide(insns, options)
}

/**
 * Translates a program without the limits of classic BPF, as filters become one: any length, as many words of memory as
 * the stack has room for, jumps of any length up to `FARTHEST_JUMP`, and `ja` may go back, where neither A nor X is used.
 */
export function translateWide(insns: readonly ClassicInsn[], options: TranslateOptions): ProgramSpec {
  const name = options.name ?? 'filter'
  const target = targetOf(options.type ?? 'socket_filter', options.platform)
  const { code, slots } = new Translator(insns, target, options).run()
  return {
    name,
    section: target.type,
    type: target.type,
    license: options.license ?? '',
    insns: code,
    references: [],
    functions: [{ name, insn: 0, typeId: 0 }],
    lines: linesOf(insns, slots, name),
  }
}

/** A line for each classic instruction that has slots of its own; `slots` has the first of each, -1 where it was left out. */
function linesOf(insns: readonly ClassicInsn[], slots: Int32Array, file: string): LineInfo[] {
  const texts = formatClassic(insns)
  const lines: LineInfo[] = []
  let next = -1
  for (let index = insns.length - 1; index >= 0; index--) {
    const slot = slots[index]!
    const text = texts.pop()!
    if (slot < 0) continue
    // Where the one that follows begins at the same slot, this one has none.
    if (slot !== next) lines.push({ insn: slot, file, text, line: index + 1, column: 1 })
    next = slot
  }
  return lines.reverse()
}

/** No classic instruction becomes more slots than this. */
const MOST_SLOTS = 20

/** So many instructions further every conditional jump of eBPF gets to. */
export const FARTHEST_JUMP = 1000
/** Words of memory on a stack of 512 bytes, of which `may_goto` takes eight. */
export const WIDE_MEMORY_WORDS = 124

class Translator implements LoadOutput {
  readonly #target: FilterTarget
  readonly #options: TranslateOptions
  readonly #verdicts: FilterVerdicts | undefined
  readonly #loads: PacketLoads
  readonly #steps: readonly Step[]
  readonly #out = new Emitter()
  /** Of the instructions that are jumped to, as far as that is known. */
  readonly #labels: (Label | undefined)[]
  /** Where the program ends with 0, shared where a conditional jump reaches it from everywhere. */
  readonly #end: Label = label()
  readonly #sharedEnd: boolean
  #endUsed = false

  constructor(insns: readonly ClassicInsn[], target: FilterTarget, options: TranslateOptions) {
    this.#target = target
    this.#options = options
    this.#verdicts = options.verdicts ?? target.verdicts
    this.#loads = this.#choose()
    this.#steps = analyze(insns, (insn, def) => this.#loads.neverInside(insn, def))
    this.#labels = Array.from({ length: insns.length })
    this.#sharedEnd = insns.length * MOST_SLOTS < 0x7fff
  }

  #choose(): PacketLoads {
    const { type, context, direct, legacyLoads } = this.#target
    const style = this.#options.style ?? (legacyLoads ? 'legacy' : 'direct')
    if (style === 'legacy') {
      if (!legacyLoads) {
        throw new CbpfError(
          'BAD_OPTION',
          `programs of type ${type} may not use ld_abs and ld_ind; take style direct`,
        )
      }
      if (this.#verdicts !== undefined && this.#verdicts.reject !== 0) {
        const fact = `ld_abs and ld_ind return 0 outside the packet, not the verdict ${this.#verdicts.reject}`
        throw new CbpfError('BAD_OPTION', `${fact}; take style direct`)
      }
      return new LegacyLoads(() => this.#steps)
    }
    const data = fieldOffset(this.#target, context.packet?.data)
    const end = fieldOffset(this.#target, context.packet?.end)
    if (!direct || data === undefined || end === undefined) {
      throw new CbpfError('BAD_OPTION', `programs of type ${type} have no packet pointers; take style legacy`)
    }
    return new DirectLoads({ data, end }, this.#options.networkOffset ?? 14)
  }

  run(): { code: Uint8Array; slots: Int32Array } {
    this.#prologue()
    const slots = new Int32Array(this.#steps.length).fill(-1)
    const last = this.#steps.findLast((step) => step.reachable)!
    for (const step of this.#steps) {
      if (!step.reachable) continue
      const reached = step.head ? this.#labelOf(step.index) : this.#labels[step.index]
      if (reached !== undefined) this.#out.place(reached)
      // Filters tend to end so by themselves.
      if (step === last && step.def.name === 'ret_k' && step.insn.k === 0) this.#out.place(this.#end)
      slots[step.index] = step.index === 0 ? 0 : this.#out.slot
      this.#step(step)
    }
    if (this.#endUsed && this.#end.slot === undefined) {
      this.#out.place(this.#end)
      this.#returnConstant(0)
    }
    return { code: this.#out.finish(), slots }
  }

  #labelOf(index: number): Label {
    this.#labels[index] ??= label()
    return this.#labels[index]
  }

  emit(...insns: readonly Insn[]): void {
    this.#out.emit(...insns)
  }

  endIf(jump: Insn): void {
    if (this.#sharedEnd) {
      this.#endUsed = true
      this.#out.jump(jump, this.#end)
      return
    }
    const ends = this.#out.slot
    const passes = ends + 1
    this.emit(jump, build.ja(0))
    this.#out.land(ends)
    this.#returnConstant(0)
    this.#out.land(passes)
  }

  #prologue(): void {
    const needsContext = ({ reachable, def, extension }: Step): boolean =>
      reachable && (def.name === 'ld_len' || def.name === 'ldx_len' || extension !== undefined)
    if (this.#loads.usesContext(this.#steps) || this.#steps.some(needsContext)) {
      this.emit(build.mov64_reg(REG_CTX, 1))
    }
    this.#loads.prologue(this, this.#steps)
    const live = this.#steps[0]!.live
    if (live & A) this.emit(build.mov32_imm(REG_A, 0))
    if (live & X) this.emit(build.mov32_imm(REG_X, 0))
  }

  #step(step: Step): void {
    const { def, insn, extension } = step
    const load = packetLoad(step)
    if (load !== undefined) {
      if (step.next.length === 0) this.#returnConstant(0)
      else this.#loads.load(this, step, load)
      return
    }
    if (extension === undefined) this.#plain(step, def, insn)
    else this.#extension(extension, step.index)
    this.#loads.passed(step, extension !== undefined && EXTENSIONS[extension].kind === 'helper')
  }

  #plain(step: Step, def: ClassicOpDef, { k }: ClassicInsn): void {
    switch (def.kind) {
      case 'ld':
      case 'ldx': {
        const to = def.kind === 'ld' ? REG_A : REG_X
        if (def.mode === 'imm') this.emit(build.mov32_imm(to, k | 0))
        else if (def.mode === 'mem') this.emit(build.ldx_w(to, REG_FP, wordOffset(k)))
        else if (def.mode === 'len') this.#length(to, step.index)
        return
      }
      case 'st':
      case 'stx':
        this.emit(build.stx_w(REG_FP, def.kind === 'st' ? REG_A : REG_X, wordOffset(k)))
        return
      case 'alu':
        if (def.source === 'k') this.emit(build[`${def.aluOp}32_imm`](REG_A, k | 0))
        else {
          if (def.aluOp === 'div' || def.aluOp === 'mod') this.endIf(build.jeq32_imm(REG_X, 0, 0))
          this.emit(build[`${def.aluOp}32_reg`](REG_A, REG_X))
        }
        return
      case 'neg':
        this.emit(build.neg32(REG_A))
        return
      case 'tax':
        this.emit(build.mov32_reg(REG_X, REG_A))
        return
      case 'txa':
        this.emit(build.mov32_reg(REG_A, REG_X))
        return
      case 'ja':
        this.#goto(step, step.next[0]!)
        return
      case 'jump':
        this.#jump(step, def)
        return
      case 'ret':
        if (def.source === 'k') this.#returnConstant(k)
        else this.#returnA()
    }
  }

  #length(to: number, insn: number): void {
    const offset = fieldOffset(this.#target, 'len')
    if (offset !== undefined) this.emit(build.ldx_w(to, REG_CTX, offset))
    else if (!this.#loads.length(this, to)) this.#missing('a load of the length', 'len', insn)
  }

  /** The next instruction that is not left out. */
  #following(step: Step): number {
    let index = step.index + 1
    while (this.#steps[index]?.reachable === false) index++
    return index
  }

  #goto(step: Step, to: number): void {
    // Verifiers take no loop that has no end; this one has it where the packet has.
    if (to <= step.index) this.emit(build.may_goto(1))
    if (to !== this.#following(step)) this.#out.goto(this.#labelOf(to))
  }

  #jump(step: Step, def: Extract<ClassicOpDef, { kind: 'jump' }>): void {
    const [jt, jf] = step.next as [number, number]
    if (jt === jf) {
      this.#goto(step, jt)
      return
    }
    const inverse = INVERSE[def.jumpOp]
    const k = this.#loads.constant(step) | 0
    const compare = (op: JumpName): Insn =>
      def.source === 'k' ? build[`j${op}32_imm`](REG_A, k, 0) : build[`j${op}32_reg`](REG_A, REG_X, 0)
    if (jt === this.#following(step) && inverse !== undefined) {
      this.#out.jump(compare(inverse), this.#labelOf(jf))
      return
    }
    this.#out.jump(compare(def.jumpOp), this.#labelOf(jt))
    this.#goto(step, jf)
  }

  #returnConstant(k: number): void {
    const verdicts = this.#verdicts
    const value = verdicts === undefined ? k : k === 0 ? verdicts.reject : verdicts.accept
    this.emit(build.mov32_imm(REG_A, value | 0), build.exit())
  }

  #returnA(): void {
    if (this.#verdicts === undefined) this.emit(build.exit())
    else {
      this.endIf(build.jeq32_imm(REG_A, 0, 0))
      this.#returnConstant(1)
    }
  }

  #extension(extension: AncillaryName, insn: number): void {
    const source = EXTENSIONS[extension]
    const constant = (this.#options.constants as Readonly<Record<string, number | undefined>> | undefined)?.[
      extension
    ]
    switch (source.kind) {
      case 'xor':
        this.emit(build.xor32_reg(REG_A, REG_X))
        return
      case 'helper':
        if (constant === undefined) this.emit(build.call_helper(source.id))
        else this.emit(build.mov32_imm(REG_A, constant | 0))
        return
      case 'field': {
        const name = source.names.find((one) => fieldOffset(this.#target, one) !== undefined)
        if (name === undefined || constant !== undefined) break
        const offset = fieldOffset(this.#target, name)!
        if (name === source.device) {
          const found = label()
          this.emit(build.ldx_w(REG_TMP, REG_CTX, offset))
          this.#out.jump(build.jne32_imm(REG_TMP, 0, 0), found)
          this.#returnA()
          this.#out.place(found)
          this.emit(build.mov32_reg(REG_A, REG_TMP))
        } else this.emit(build.ldx_w(REG_A, REG_CTX, offset))
        if (source.be16) this.emit(build.be16(REG_A))
        return
      }
      case 'none':
        break
    }
    if (constant === undefined) this.#missing(`extension ${extension}`, extension, insn)
    else this.emit(build.mov32_imm(REG_A, constant | 0))
  }

  #missing(what: string, name: string, insn: number): never {
    const { type, context } = this.#target
    const mend =
      name === 'len' || name.startsWith('nlattr')
        ? ''
        : `; give constants.${name} if it has one value for all packets`
    throw new CbpfError(
      'NO_CONTEXT_FIELD',
      `programs of type ${type} (${context.name}) have nothing for ${what}${mend}`,
      {
        insn,
      },
    )
  }
}

/** M[k] on the stack, where the kernel has it. */
const wordOffset = (k: number): number => -4 * (k + 1)

type JumpName = 'eq' | 'gt' | 'ge' | 'set' | 'ne' | 'le' | 'lt'
const INVERSE: Readonly<Partial<Record<JumpName, JumpName>>> = { eq: 'ne', gt: 'le', ge: 'lt' }
