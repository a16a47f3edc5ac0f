import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { insn } from '../ebpf/build.ts'
import { decode } from '../ebpf/decode.ts'
import { encode } from '../ebpf/encode.ts'
import { formatKernel } from '../ebpf/format-kernel.ts'
import { formatLlvm } from '../ebpf/format-llvm.ts'
import { formatMnemonic } from '../ebpf/format-mnemonic.ts'
import type { Insn } from '../ebpf/insn.ts'
import { allDefs, type Field, LD_IMM64_SRC, type LdImm64Src, type OpDef } from '../ebpf/table.ts'
import { assemble } from './assemble.ts'

const runs = { numRuns: 2000 }
const reg = fc.integer({ min: 0, max: 10 })
const off = fc.integer({ min: -32768, max: 32767 })
const imm = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000))

function operand(def: OpDef, field: Field): fc.Arbitrary<number> {
  if (field === 'imm') return 'imms' in def ? fc.constantFrom(...def.imms) : imm
  return field === 'off' ? off : reg
}

const ldImm64: fc.Arbitrary<Insn[]> = fc
  .tuple(reg, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(...Object.keys(LD_IMM64_SRC)))
  .map(([dst, value, key]) => {
    const kind = Number(key) as LdImm64Src
    return insn.ld_imm64(dst, LD_IMM64_SRC[kind].high === 'none' ? value & 0xffffffffn : value, kind)
  })

/** Any instruction of the table with any operands, as one slot or two. */
const anyInsn: fc.Arbitrary<Insn[]> = fc
  .constantFrom(...allDefs.filter((def) => def.kind !== 'ld_imm64_hi'))
  .chain((def) => {
    if (def.kind === 'ld_imm64') return ldImm64
    const build = insn[def.name as 'exit'] as (...operands: number[]) => Insn
    const fields: readonly Field[] = def.fields
    return fc.tuple(...fields.map((field) => operand(def, field))).map((operands) => [build(...operands)])
  })
const anyProgram = fc.array(anyInsn, { minLength: 1, maxLength: 20 }).map((parts) => parts.flat())

describe('encode and decode', () => {
  it('are inverse, in both byte orders', () => {
    fc.assert(
      fc.property(anyProgram, fc.boolean(), (program, bigEndian) => {
        const bytes = encode(program, { bigEndian })
        expect(decode(bytes, { bigEndian, checkTargets: false })).toEqual(program)
      }),
      runs,
    )
  })

  it('give the same bytes back for all bytes that decode', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 8, maxLength: 8 }), { maxLength: 4 }), (slots) => {
        const bytes = Uint8Array.from(slots.flatMap((slot) => [...slot]))
        let insns: Insn[]
        try {
          insns = decode(bytes)
        } catch (error) {
          expect(error).toMatchObject({ name: 'IsaError' })
          return
        }
        expect(encode(insns)).toEqual(bytes)
      }),
      runs,
    )
  })
})

describe('assemble reads back', () => {
  it('the mnemonic syntax, of every instruction', () => {
    fc.assert(
      fc.property(anyProgram, fc.constantFrom('mnemonic' as const, 'auto' as const), (program, syntax) => {
        const text = program.map(formatMnemonic).join('\n')
        expect(assemble(text, { syntax })).toEqual(encode(program))
      }),
      runs,
    )
  })

  it("LLVM's syntax, of all but what it leaves out", () => {
    const said = anyProgram.map((program) =>
      program.flatMap((of) => {
        // Left out: which kind of call, the upper half beside a pseudo kind, and ld_ind's imm.
        if (of.def.kind === 'call') return [insn.call_helper(of.imm)]
        if (of.def.kind === 'ld_imm64' && of.src !== 0) {
          return insn.ld_imm64(of.dst, of.imm >>> 0, of.src as LdImm64Src)
        }
        if (of.def.kind === 'ld_imm64') return insn.ld_imm64(of.dst, of.imm64!)
        if (of.def.kind === 'ld_imm64_hi') return []
        return of.def.kind === 'ld_ind' ? [{ ...of, imm: 0 }] : [of]
      }),
    )
    fc.assert(
      fc.property(said, fc.constantFrom('llvm' as const, 'auto' as const), (program, syntax) => {
        const symbols = [{ name: 'start', offset: 0 }]
        const text = formatLlvm(program, { cpu: 'v3', symbols }).join('\n')
        expect(assemble(text, { syntax })).toEqual(encode(program))
      }),
      runs,
    )
  })

  it("LLVM's generic text, of all but 32-bit atomics", () => {
    const said = anyInsn.filter(
      ([of]) =>
        !(of!.def.kind === 'atomic' && of!.def.width === 32) &&
        !['call', 'ld_imm64', 'ld_ind'].includes(of!.def.kind),
    )
    fc.assert(
      fc.property(said, (program) => {
        expect(assemble(formatLlvm(program).join('\n'))).toEqual(encode(program))
      }),
      runs,
    )
  })

  it("the kernel's text, of all but what it leaves out", () => {
    const said = anyInsn.map(([of, high]) => {
      // Left out: the kind of an ld_imm64 and the off of a kfunc call.
      if (of!.def.kind === 'ld_imm64') return insn.ld_imm64(of!.dst, of!.imm64!)
      if (of!.def.name === 'call_kfunc') return [{ ...of!, off: 0 }]
      return high === undefined ? [of!] : [of!, high]
    })
    const numbered = fc.record({ program: said, prefix: fc.constantFrom('', '0: ', '17: ') })
    fc.assert(
      fc.property(
        numbered,
        fc.constantFrom('llvm' as const, 'auto' as const),
        ({ program, prefix }, syntax) => {
          const text = `${prefix}${formatKernel(program[0]!)}  ; R1_w=ctx() R10=fp0`
          expect(assemble(text, { syntax })).toEqual(encode(program))
        },
      ),
      runs,
    )
  })
})
