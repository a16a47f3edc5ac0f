import type { Insn } from './insn.ts'
import { allDefs, defs, type Field, type LdImm64Src, type OpDef, type OpName } from './table.ts'

type Argument<F extends Field> = F extends 'dst'
  ? [dst: number]
  : F extends 'src'
    ? [src: number]
    : F extends 'off'
      ? [off: number]
      : [imm: number]
type Arguments<Fields extends readonly Field[]> = Fields extends readonly [
  infer First extends Field,
  ...infer Rest extends readonly Field[],
]
  ? [...Argument<First>, ...Arguments<Rest>]
  : []
type RowOf<Name extends OpName> = Extract<OpDef, { readonly name: Name }>

/** One constructor per instruction; it takes the operand fields in the order of the row's `fields`. */
export type InsnBuilders = {
  readonly [Name in Exclude<OpName, 'ld_imm64' | 'ld_imm64_hi'>]: (
    ...operands: Arguments<RowOf<Name>['fields']>
  ) => Insn
} & {
  /** Both slots of a 64-bit immediate load: spread them into the program. `kind` as in LD_IMM64_SRC. */
  readonly ld_imm64: (dst: number, value: bigint | number, kind?: LdImm64Src) => [Insn, Insn]
}

function builderOf(def: OpDef): (...operands: number[]) => Insn {
  const row: { readonly src?: number; readonly off?: number; readonly imm?: number; readonly name: string } =
    def
  const base = { dst: 0, src: row.src ?? 0, off: row.off ?? 0, imm: row.imm ?? 0 }
  const fields: readonly Field[] = def.fields
  return (...operands) => {
    const values = { ...base }
    for (const [index, field] of fields.entries()) if (field !== 'pseudo') values[field] = operands[index]!
    return { def, ...values }
  }
}

function ldImm64(dst: number, value: bigint | number, kind: LdImm64Src = 0): [Insn, Insn] {
  const imm64 = BigInt.asUintN(64, BigInt(value))
  const low = Number(BigInt.asIntN(32, imm64))
  const high = Number(BigInt.asIntN(32, imm64 >> 32n))
  return [
    { def: defs.ld_imm64, dst, src: kind, off: 0, imm: low, imm64 },
    { def: defs.ld_imm64_hi, dst: 0, src: 0, off: 0, imm: high },
  ]
}

function buildBuilders(): InsnBuilders {
  const builders: Record<string, unknown> = {}
  for (const def of allDefs) builders[def.name] = builderOf(def)
  delete builders['ld_imm64_hi']
  builders['ld_imm64'] = ldImm64
  return Object.freeze(builders) as InsnBuilders
}

/**
 * Constructors of instructions, by name: `insn.mov64_imm(0, 1)` is `r0 = 1`, `insn.ldx_w(0, 1, 4)` is
 * `r0 = *(u32 *)(r1 + 4)`, `insn.jeq64_imm(1, 5, 3)` is `if r1 == 5 goto +3`. The operands are in the order
 * of `fields` in the table and are not checked here; `encode` checks them.
 */
export const insn: InsnBuilders = /* @__PURE__ */ buildBuilders()
