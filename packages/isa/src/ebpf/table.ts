/** Names of the arithmetic operations of RFC 9669 section 4.1 (without mov, neg and the byte swaps). */
export type AluOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'sdiv'
  | 'or'
  | 'and'
  | 'lsh'
  | 'rsh'
  | 'mod'
  | 'smod'
  | 'xor'
  | 'arsh'

/** Names of the conditions of RFC 9669 section 4.3; an `s` in front means signed. */
export type JumpOp = 'eq' | 'gt' | 'ge' | 'set' | 'ne' | 'sgt' | 'sge' | 'lt' | 'le' | 'slt' | 'sle'

/** Names of the operations of RFC 9669 section 5.3. */
export type AtomicOp = 'add' | 'or' | 'and' | 'xor' | 'xchg' | 'cmpxchg'

/**
 * An operand that an instruction reads from its encoding. `pseudo` is the src field of ld_imm64, which
 * holds a kind (`LD_IMM64_SRC`) and no register. A field that is not listed must hold the row's own
 * `src`, `off` or `imm`, or zero.
 */
export type Field = 'dst' | 'src' | 'pseudo' | 'off' | 'imm'

/** Conformance groups of RFC 9669 section 2.4; `callx` is bpf_conformance's, `linux` is what Linux adds. */
export type ConformanceGroup =
  | 'base32'
  | 'base64'
  | 'divmul32'
  | 'divmul64'
  | 'atomic32'
  | 'atomic64'
  | 'packet'
  | 'callx'
  | 'linux'

/** The `-mcpu` of LLVM from which compilers emit the instruction; `linux`: in no numbered version. */
export type Since = 'v1' | 'v2' | 'v3' | 'v4' | 'linux'

type Common<Kind extends string, Source extends 'imm' | 'reg' | 'none'> = {
  /** The opcode byte. */
  readonly code: number
  /** Fixed contents of a field, where these choose between instructions of one opcode byte. */
  readonly src?: number
  readonly off?: number
  readonly imm?: number
  /** The values that imm may have, where it is used but not free. */
  readonly imms?: readonly number[]
  readonly kind: Kind
  /** Where the value operand comes from. */
  readonly source: Source
  readonly fields: readonly Field[]
  readonly group: ConformanceGroup
  readonly since: Since
  /** The first word or words in the mnemonic syntax. */
  readonly mnemonic: string
}
type Width = { readonly width: 32 | 64 }
type Size = { readonly size: 1 | 2 | 4 | 8 }
type Value = 'imm' | 'reg'

/** What a row of the table may hold, by kind. */
export type OpShape =
  | (Common<'alu', Value> & Width & { readonly aluOp: AluOp })
  | (Common<'mov', Value> & Width)
  | (Common<'movsx', 'reg'> & Width & { readonly from: 8 | 16 | 32; readonly off: number })
  | (Common<'neg', 'none'> & Width)
  | (Common<'endian', 'none'> &
      Width &
      Size & { readonly order: 'le' | 'be' | 'bswap'; readonly imm: number })
  | (Common<'addr_space_cast', 'reg'> & Width & { readonly imms: readonly number[] })
  | (Common<'ldx' | 'ldxsx' | 'load_acq', 'none'> & Size)
  | (Common<'st', 'imm'> & Size)
  | (Common<'stx' | 'store_rel', 'reg'> & Size)
  | (Common<'atomic', 'reg'> & Width & Size & { readonly atomicOp: AtomicOp; readonly fetch: boolean })
  | (Common<'ld_abs', 'imm'> & Size)
  | (Common<'ld_ind', 'reg'> & Size)
  | (Common<'ld_imm64' | 'ld_imm64_hi', 'imm'> & Width)
  | (Common<'jump', Value> & Width & { readonly jumpOp: JumpOp })
  | Common<'ja' | 'may_goto' | 'exit', 'none'>
  | (Common<'call', 'imm'> & { readonly callee: 'helper' | 'local' | 'kfunc'; readonly src: number })
  | Common<'callx' | 'gotox', 'reg'>

/**
 * Every eBPF instruction: RFC 9669 with all its conformance groups, and what Linux adds to it. The key is
 * the instruction's name throughout Skep.
 */
// biome-ignore format: a table reads best as one row a line
export const ops = {
  // ALU64: RFC 9669 section 4.1
  add64_imm: { code: 0x07, kind: 'alu', aluOp: 'add', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'base64', since: 'v1', mnemonic: 'add' },
  add64_reg: { code: 0x0f, kind: 'alu', aluOp: 'add', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v1', mnemonic: 'add' },
  sub64_imm: { code: 0x17, kind: 'alu', aluOp: 'sub', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'base64', since: 'v1', mnemonic: 'sub' },
  sub64_reg: { code: 0x1f, kind: 'alu', aluOp: 'sub', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v1', mnemonic: 'sub' },
  mul64_imm: { code: 0x27, kind: 'alu', aluOp: 'mul', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'divmul64', since: 'v1', mnemonic: 'mul' },
  mul64_reg: { code: 0x2f, kind: 'alu', aluOp: 'mul', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'divmul64', since: 'v1', mnemonic: 'mul' },
  div64_imm: { code: 0x37, kind: 'alu', aluOp: 'div', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'divmul64', since: 'v1', mnemonic: 'div' },
  div64_reg: { code: 0x3f, kind: 'alu', aluOp: 'div', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'divmul64', since: 'v1', mnemonic: 'div' },
  sdiv64_imm: { code: 0x37, off: 1, kind: 'alu', aluOp: 'sdiv', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'divmul64', since: 'v4', mnemonic: 'sdiv' },
  sdiv64_reg: { code: 0x3f, off: 1, kind: 'alu', aluOp: 'sdiv', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'divmul64', since: 'v4', mnemonic: 'sdiv' },
  or64_imm: { code: 0x47, kind: 'alu', aluOp: 'or', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'base64', since: 'v1', mnemonic: 'or' },
  or64_reg: { code: 0x4f, kind: 'alu', aluOp: 'or', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v1', mnemonic: 'or' },
  and64_imm: { code: 0x57, kind: 'alu', aluOp: 'and', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'base64', since: 'v1', mnemonic: 'and' },
  and64_reg: { code: 0x5f, kind: 'alu', aluOp: 'and', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v1', mnemonic: 'and' },
  lsh64_imm: { code: 0x67, kind: 'alu', aluOp: 'lsh', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'base64', since: 'v1', mnemonic: 'lsh' },
  lsh64_reg: { code: 0x6f, kind: 'alu', aluOp: 'lsh', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v1', mnemonic: 'lsh' },
  rsh64_imm: { code: 0x77, kind: 'alu', aluOp: 'rsh', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'base64', since: 'v1', mnemonic: 'rsh' },
  rsh64_reg: { code: 0x7f, kind: 'alu', aluOp: 'rsh', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v1', mnemonic: 'rsh' },
  mod64_imm: { code: 0x97, kind: 'alu', aluOp: 'mod', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'divmul64', since: 'v1', mnemonic: 'mod' },
  mod64_reg: { code: 0x9f, kind: 'alu', aluOp: 'mod', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'divmul64', since: 'v1', mnemonic: 'mod' },
  smod64_imm: { code: 0x97, off: 1, kind: 'alu', aluOp: 'smod', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'divmul64', since: 'v4', mnemonic: 'smod' },
  smod64_reg: { code: 0x9f, off: 1, kind: 'alu', aluOp: 'smod', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'divmul64', since: 'v4', mnemonic: 'smod' },
  xor64_imm: { code: 0xa7, kind: 'alu', aluOp: 'xor', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'base64', since: 'v1', mnemonic: 'xor' },
  xor64_reg: { code: 0xaf, kind: 'alu', aluOp: 'xor', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v1', mnemonic: 'xor' },
  arsh64_imm: { code: 0xc7, kind: 'alu', aluOp: 'arsh', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'base64', since: 'v1', mnemonic: 'arsh' },
  arsh64_reg: { code: 0xcf, kind: 'alu', aluOp: 'arsh', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v1', mnemonic: 'arsh' },
  mov64_imm: { code: 0xb7, kind: 'mov', width: 64, source: 'imm', fields: ['dst', 'imm'], group: 'base64', since: 'v1', mnemonic: 'mov' },
  mov64_reg: { code: 0xbf, kind: 'mov', width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v1', mnemonic: 'mov' },
  movsx64_8_reg: { code: 0xbf, off: 8, kind: 'movsx', from: 8, width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v4', mnemonic: 'movsx864' },
  movsx64_16_reg: { code: 0xbf, off: 16, kind: 'movsx', from: 16, width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v4', mnemonic: 'movsx1664' },
  movsx64_32_reg: { code: 0xbf, off: 32, kind: 'movsx', from: 32, width: 64, source: 'reg', fields: ['dst', 'src'], group: 'base64', since: 'v4', mnemonic: 'movsx3264' },
  neg64: { code: 0x87, kind: 'neg', width: 64, source: 'none', fields: ['dst'], group: 'base64', since: 'v1', mnemonic: 'neg' },

  // ALU: RFC 9669 section 4.1
  add32_imm: { code: 0x04, kind: 'alu', aluOp: 'add', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'base32', since: 'v1', mnemonic: 'add32' },
  add32_reg: { code: 0x0c, kind: 'alu', aluOp: 'add', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v1', mnemonic: 'add32' },
  sub32_imm: { code: 0x14, kind: 'alu', aluOp: 'sub', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'base32', since: 'v1', mnemonic: 'sub32' },
  sub32_reg: { code: 0x1c, kind: 'alu', aluOp: 'sub', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v1', mnemonic: 'sub32' },
  mul32_imm: { code: 0x24, kind: 'alu', aluOp: 'mul', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'divmul32', since: 'v1', mnemonic: 'mul32' },
  mul32_reg: { code: 0x2c, kind: 'alu', aluOp: 'mul', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'divmul32', since: 'v1', mnemonic: 'mul32' },
  div32_imm: { code: 0x34, kind: 'alu', aluOp: 'div', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'divmul32', since: 'v1', mnemonic: 'div32' },
  div32_reg: { code: 0x3c, kind: 'alu', aluOp: 'div', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'divmul32', since: 'v1', mnemonic: 'div32' },
  sdiv32_imm: { code: 0x34, off: 1, kind: 'alu', aluOp: 'sdiv', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'divmul32', since: 'v4', mnemonic: 'sdiv32' },
  sdiv32_reg: { code: 0x3c, off: 1, kind: 'alu', aluOp: 'sdiv', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'divmul32', since: 'v4', mnemonic: 'sdiv32' },
  or32_imm: { code: 0x44, kind: 'alu', aluOp: 'or', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'base32', since: 'v1', mnemonic: 'or32' },
  or32_reg: { code: 0x4c, kind: 'alu', aluOp: 'or', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v1', mnemonic: 'or32' },
  and32_imm: { code: 0x54, kind: 'alu', aluOp: 'and', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'base32', since: 'v1', mnemonic: 'and32' },
  and32_reg: { code: 0x5c, kind: 'alu', aluOp: 'and', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v1', mnemonic: 'and32' },
  lsh32_imm: { code: 0x64, kind: 'alu', aluOp: 'lsh', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'base32', since: 'v1', mnemonic: 'lsh32' },
  lsh32_reg: { code: 0x6c, kind: 'alu', aluOp: 'lsh', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v1', mnemonic: 'lsh32' },
  rsh32_imm: { code: 0x74, kind: 'alu', aluOp: 'rsh', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'base32', since: 'v1', mnemonic: 'rsh32' },
  rsh32_reg: { code: 0x7c, kind: 'alu', aluOp: 'rsh', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v1', mnemonic: 'rsh32' },
  mod32_imm: { code: 0x94, kind: 'alu', aluOp: 'mod', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'divmul32', since: 'v1', mnemonic: 'mod32' },
  mod32_reg: { code: 0x9c, kind: 'alu', aluOp: 'mod', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'divmul32', since: 'v1', mnemonic: 'mod32' },
  smod32_imm: { code: 0x94, off: 1, kind: 'alu', aluOp: 'smod', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'divmul32', since: 'v4', mnemonic: 'smod32' },
  smod32_reg: { code: 0x9c, off: 1, kind: 'alu', aluOp: 'smod', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'divmul32', since: 'v4', mnemonic: 'smod32' },
  xor32_imm: { code: 0xa4, kind: 'alu', aluOp: 'xor', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'base32', since: 'v1', mnemonic: 'xor32' },
  xor32_reg: { code: 0xac, kind: 'alu', aluOp: 'xor', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v1', mnemonic: 'xor32' },
  arsh32_imm: { code: 0xc4, kind: 'alu', aluOp: 'arsh', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'base32', since: 'v1', mnemonic: 'arsh32' },
  arsh32_reg: { code: 0xcc, kind: 'alu', aluOp: 'arsh', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v1', mnemonic: 'arsh32' },
  mov32_imm: { code: 0xb4, kind: 'mov', width: 32, source: 'imm', fields: ['dst', 'imm'], group: 'base32', since: 'v1', mnemonic: 'mov32' },
  mov32_reg: { code: 0xbc, kind: 'mov', width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v1', mnemonic: 'mov32' },
  movsx32_8_reg: { code: 0xbc, off: 8, kind: 'movsx', from: 8, width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v4', mnemonic: 'movsx832' },
  movsx32_16_reg: { code: 0xbc, off: 16, kind: 'movsx', from: 16, width: 32, source: 'reg', fields: ['dst', 'src'], group: 'base32', since: 'v4', mnemonic: 'movsx1632' },
  neg32: { code: 0x84, kind: 'neg', width: 32, source: 'none', fields: ['dst'], group: 'base32', since: 'v1', mnemonic: 'neg32' },
  // imm: address space to << 16 | address space from; 1 is the arena's, 0 the kernel's
  addr_space_cast: { code: 0xbf, off: 1, imms: [0x00001, 0x10000], kind: 'addr_space_cast', width: 64, source: 'reg', fields: ['dst', 'src', 'imm'], group: 'linux', since: 'linux', mnemonic: 'addr_space_cast' },

  // Byte swap: RFC 9669 section 4.2; imm is the number of bits
  le16: { code: 0xd4, imm: 16, kind: 'endian', order: 'le', size: 2, width: 64, source: 'none', fields: ['dst'], group: 'base32', since: 'v1', mnemonic: 'le16' },
  le32: { code: 0xd4, imm: 32, kind: 'endian', order: 'le', size: 4, width: 64, source: 'none', fields: ['dst'], group: 'base32', since: 'v1', mnemonic: 'le32' },
  le64: { code: 0xd4, imm: 64, kind: 'endian', order: 'le', size: 8, width: 64, source: 'none', fields: ['dst'], group: 'base64', since: 'v1', mnemonic: 'le64' },
  be16: { code: 0xdc, imm: 16, kind: 'endian', order: 'be', size: 2, width: 64, source: 'none', fields: ['dst'], group: 'base32', since: 'v1', mnemonic: 'be16' },
  be32: { code: 0xdc, imm: 32, kind: 'endian', order: 'be', size: 4, width: 64, source: 'none', fields: ['dst'], group: 'base32', since: 'v1', mnemonic: 'be32' },
  be64: { code: 0xdc, imm: 64, kind: 'endian', order: 'be', size: 8, width: 64, source: 'none', fields: ['dst'], group: 'base64', since: 'v1', mnemonic: 'be64' },
  bswap16: { code: 0xd7, imm: 16, kind: 'endian', order: 'bswap', size: 2, width: 64, source: 'none', fields: ['dst'], group: 'base32', since: 'v4', mnemonic: 'bswap16' },
  bswap32: { code: 0xd7, imm: 32, kind: 'endian', order: 'bswap', size: 4, width: 64, source: 'none', fields: ['dst'], group: 'base32', since: 'v4', mnemonic: 'bswap32' },
  bswap64: { code: 0xd7, imm: 64, kind: 'endian', order: 'bswap', size: 8, width: 64, source: 'none', fields: ['dst'], group: 'base64', since: 'v4', mnemonic: 'bswap64' },

  // Load and store: RFC 9669 section 5.2
  ldx_b: { code: 0x71, kind: 'ldx', size: 1, source: 'none', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v1', mnemonic: 'ldxb' },
  ldx_h: { code: 0x69, kind: 'ldx', size: 2, source: 'none', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v1', mnemonic: 'ldxh' },
  ldx_w: { code: 0x61, kind: 'ldx', size: 4, source: 'none', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v1', mnemonic: 'ldxw' },
  ldx_dw: { code: 0x79, kind: 'ldx', size: 8, source: 'none', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v1', mnemonic: 'ldxdw' },
  ldxsx_b: { code: 0x91, kind: 'ldxsx', size: 1, source: 'none', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v4', mnemonic: 'ldxsb' },
  ldxsx_h: { code: 0x89, kind: 'ldxsx', size: 2, source: 'none', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v4', mnemonic: 'ldxsh' },
  ldxsx_w: { code: 0x81, kind: 'ldxsx', size: 4, source: 'none', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v4', mnemonic: 'ldxsw' },
  st_b: { code: 0x72, kind: 'st', size: 1, source: 'imm', fields: ['dst', 'off', 'imm'], group: 'base32', since: 'v1', mnemonic: 'stb' },
  st_h: { code: 0x6a, kind: 'st', size: 2, source: 'imm', fields: ['dst', 'off', 'imm'], group: 'base32', since: 'v1', mnemonic: 'sth' },
  st_w: { code: 0x62, kind: 'st', size: 4, source: 'imm', fields: ['dst', 'off', 'imm'], group: 'base32', since: 'v1', mnemonic: 'stw' },
  st_dw: { code: 0x7a, kind: 'st', size: 8, source: 'imm', fields: ['dst', 'off', 'imm'], group: 'base64', since: 'v1', mnemonic: 'stdw' },
  stx_b: { code: 0x73, kind: 'stx', size: 1, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v1', mnemonic: 'stxb' },
  stx_h: { code: 0x6b, kind: 'stx', size: 2, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v1', mnemonic: 'stxh' },
  stx_w: { code: 0x63, kind: 'stx', size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v1', mnemonic: 'stxw' },
  stx_dw: { code: 0x7b, kind: 'stx', size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v1', mnemonic: 'stxdw' },

  // Atomic operations: RFC 9669 section 5.3; imm is the operation
  atomic64_add: { code: 0xdb, imm: 0, kind: 'atomic', atomicOp: 'add', fetch: false, width: 64, size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic64', since: 'v1', mnemonic: 'lock add' },
  atomic64_fetch_add: { code: 0xdb, imm: 1, kind: 'atomic', atomicOp: 'add', fetch: true, width: 64, size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic64', since: 'v3', mnemonic: 'lock fetch add' },
  atomic64_or: { code: 0xdb, imm: 0x40, kind: 'atomic', atomicOp: 'or', fetch: false, width: 64, size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic64', since: 'v3', mnemonic: 'lock or' },
  atomic64_fetch_or: { code: 0xdb, imm: 0x41, kind: 'atomic', atomicOp: 'or', fetch: true, width: 64, size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic64', since: 'v3', mnemonic: 'lock fetch or' },
  atomic64_and: { code: 0xdb, imm: 0x50, kind: 'atomic', atomicOp: 'and', fetch: false, width: 64, size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic64', since: 'v3', mnemonic: 'lock and' },
  atomic64_fetch_and: { code: 0xdb, imm: 0x51, kind: 'atomic', atomicOp: 'and', fetch: true, width: 64, size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic64', since: 'v3', mnemonic: 'lock fetch and' },
  atomic64_xor: { code: 0xdb, imm: 0xa0, kind: 'atomic', atomicOp: 'xor', fetch: false, width: 64, size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic64', since: 'v3', mnemonic: 'lock xor' },
  atomic64_fetch_xor: { code: 0xdb, imm: 0xa1, kind: 'atomic', atomicOp: 'xor', fetch: true, width: 64, size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic64', since: 'v3', mnemonic: 'lock fetch xor' },
  atomic64_xchg: { code: 0xdb, imm: 0xe1, kind: 'atomic', atomicOp: 'xchg', fetch: true, width: 64, size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic64', since: 'v3', mnemonic: 'lock xchg' },
  atomic64_cmpxchg: { code: 0xdb, imm: 0xf1, kind: 'atomic', atomicOp: 'cmpxchg', fetch: true, width: 64, size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic64', since: 'v3', mnemonic: 'lock cmpxchg' },
  atomic32_add: { code: 0xc3, imm: 0, kind: 'atomic', atomicOp: 'add', fetch: false, width: 32, size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic32', since: 'v1', mnemonic: 'lock add32' },
  atomic32_fetch_add: { code: 0xc3, imm: 1, kind: 'atomic', atomicOp: 'add', fetch: true, width: 32, size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic32', since: 'v3', mnemonic: 'lock fetch add32' },
  atomic32_or: { code: 0xc3, imm: 0x40, kind: 'atomic', atomicOp: 'or', fetch: false, width: 32, size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic32', since: 'v3', mnemonic: 'lock or32' },
  atomic32_fetch_or: { code: 0xc3, imm: 0x41, kind: 'atomic', atomicOp: 'or', fetch: true, width: 32, size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic32', since: 'v3', mnemonic: 'lock fetch or32' },
  atomic32_and: { code: 0xc3, imm: 0x50, kind: 'atomic', atomicOp: 'and', fetch: false, width: 32, size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic32', since: 'v3', mnemonic: 'lock and32' },
  atomic32_fetch_and: { code: 0xc3, imm: 0x51, kind: 'atomic', atomicOp: 'and', fetch: true, width: 32, size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic32', since: 'v3', mnemonic: 'lock fetch and32' },
  atomic32_xor: { code: 0xc3, imm: 0xa0, kind: 'atomic', atomicOp: 'xor', fetch: false, width: 32, size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic32', since: 'v3', mnemonic: 'lock xor32' },
  atomic32_fetch_xor: { code: 0xc3, imm: 0xa1, kind: 'atomic', atomicOp: 'xor', fetch: true, width: 32, size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic32', since: 'v3', mnemonic: 'lock fetch xor32' },
  atomic32_xchg: { code: 0xc3, imm: 0xe1, kind: 'atomic', atomicOp: 'xchg', fetch: true, width: 32, size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic32', since: 'v3', mnemonic: 'lock xchg32' },
  atomic32_cmpxchg: { code: 0xc3, imm: 0xf1, kind: 'atomic', atomicOp: 'cmpxchg', fetch: true, width: 32, size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'atomic32', since: 'v3', mnemonic: 'lock cmpxchg32' },

  // Load-acquire and store-release: Linux 6.15; imm is the operation
  load_acq_b: { code: 0xd3, imm: 0x100, kind: 'load_acq', size: 1, source: 'none', fields: ['dst', 'src', 'off'], group: 'linux', since: 'linux', mnemonic: 'load_acq_b' },
  load_acq_h: { code: 0xcb, imm: 0x100, kind: 'load_acq', size: 2, source: 'none', fields: ['dst', 'src', 'off'], group: 'linux', since: 'linux', mnemonic: 'load_acq_h' },
  load_acq_w: { code: 0xc3, imm: 0x100, kind: 'load_acq', size: 4, source: 'none', fields: ['dst', 'src', 'off'], group: 'linux', since: 'linux', mnemonic: 'load_acq_w' },
  load_acq_dw: { code: 0xdb, imm: 0x100, kind: 'load_acq', size: 8, source: 'none', fields: ['dst', 'src', 'off'], group: 'linux', since: 'linux', mnemonic: 'load_acq_dw' },
  store_rel_b: { code: 0xd3, imm: 0x110, kind: 'store_rel', size: 1, source: 'reg', fields: ['dst', 'src', 'off'], group: 'linux', since: 'linux', mnemonic: 'store_rel_b' },
  store_rel_h: { code: 0xcb, imm: 0x110, kind: 'store_rel', size: 2, source: 'reg', fields: ['dst', 'src', 'off'], group: 'linux', since: 'linux', mnemonic: 'store_rel_h' },
  store_rel_w: { code: 0xc3, imm: 0x110, kind: 'store_rel', size: 4, source: 'reg', fields: ['dst', 'src', 'off'], group: 'linux', since: 'linux', mnemonic: 'store_rel_w' },
  store_rel_dw: { code: 0xdb, imm: 0x110, kind: 'store_rel', size: 8, source: 'reg', fields: ['dst', 'src', 'off'], group: 'linux', since: 'linux', mnemonic: 'store_rel_dw' },

  // Packet access: RFC 9669 section 5.5
  ld_abs_b: { code: 0x30, kind: 'ld_abs', size: 1, source: 'imm', fields: ['imm'], group: 'packet', since: 'v1', mnemonic: 'ldabsb' },
  ld_abs_h: { code: 0x28, kind: 'ld_abs', size: 2, source: 'imm', fields: ['imm'], group: 'packet', since: 'v1', mnemonic: 'ldabsh' },
  ld_abs_w: { code: 0x20, kind: 'ld_abs', size: 4, source: 'imm', fields: ['imm'], group: 'packet', since: 'v1', mnemonic: 'ldabsw' },
  ld_ind_b: { code: 0x50, kind: 'ld_ind', size: 1, source: 'reg', fields: ['src', 'imm'], group: 'packet', since: 'v1', mnemonic: 'ldindb' },
  ld_ind_h: { code: 0x48, kind: 'ld_ind', size: 2, source: 'reg', fields: ['src', 'imm'], group: 'packet', since: 'v1', mnemonic: 'ldindh' },
  ld_ind_w: { code: 0x40, kind: 'ld_ind', size: 4, source: 'reg', fields: ['src', 'imm'], group: 'packet', since: 'v1', mnemonic: 'ldindw' },

  // 64-bit immediate: RFC 9669 section 5.4; src is a pseudo kind (LD_IMM64_SRC), not a register
  ld_imm64: { code: 0x18, kind: 'ld_imm64', width: 64, source: 'imm', fields: ['dst', 'pseudo', 'imm'], group: 'base64', since: 'v1', mnemonic: 'lddw' },
  ld_imm64_hi: { code: 0x00, kind: 'ld_imm64_hi', width: 64, source: 'imm', fields: ['imm'], group: 'base64', since: 'v1', mnemonic: '' },

  // JMP: RFC 9669 section 4.3
  jeq64_imm: { code: 0x15, kind: 'jump', jumpOp: 'eq', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v1', mnemonic: 'jeq' },
  jeq64_reg: { code: 0x1d, kind: 'jump', jumpOp: 'eq', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v1', mnemonic: 'jeq' },
  jgt64_imm: { code: 0x25, kind: 'jump', jumpOp: 'gt', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v1', mnemonic: 'jgt' },
  jgt64_reg: { code: 0x2d, kind: 'jump', jumpOp: 'gt', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v1', mnemonic: 'jgt' },
  jge64_imm: { code: 0x35, kind: 'jump', jumpOp: 'ge', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v1', mnemonic: 'jge' },
  jge64_reg: { code: 0x3d, kind: 'jump', jumpOp: 'ge', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v1', mnemonic: 'jge' },
  jset64_imm: { code: 0x45, kind: 'jump', jumpOp: 'set', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v1', mnemonic: 'jset' },
  jset64_reg: { code: 0x4d, kind: 'jump', jumpOp: 'set', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v1', mnemonic: 'jset' },
  jne64_imm: { code: 0x55, kind: 'jump', jumpOp: 'ne', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v1', mnemonic: 'jne' },
  jne64_reg: { code: 0x5d, kind: 'jump', jumpOp: 'ne', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v1', mnemonic: 'jne' },
  jsgt64_imm: { code: 0x65, kind: 'jump', jumpOp: 'sgt', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v1', mnemonic: 'jsgt' },
  jsgt64_reg: { code: 0x6d, kind: 'jump', jumpOp: 'sgt', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v1', mnemonic: 'jsgt' },
  jsge64_imm: { code: 0x75, kind: 'jump', jumpOp: 'sge', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v1', mnemonic: 'jsge' },
  jsge64_reg: { code: 0x7d, kind: 'jump', jumpOp: 'sge', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v1', mnemonic: 'jsge' },
  jlt64_imm: { code: 0xa5, kind: 'jump', jumpOp: 'lt', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v2', mnemonic: 'jlt' },
  jlt64_reg: { code: 0xad, kind: 'jump', jumpOp: 'lt', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v2', mnemonic: 'jlt' },
  jle64_imm: { code: 0xb5, kind: 'jump', jumpOp: 'le', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v2', mnemonic: 'jle' },
  jle64_reg: { code: 0xbd, kind: 'jump', jumpOp: 'le', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v2', mnemonic: 'jle' },
  jslt64_imm: { code: 0xc5, kind: 'jump', jumpOp: 'slt', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v2', mnemonic: 'jslt' },
  jslt64_reg: { code: 0xcd, kind: 'jump', jumpOp: 'slt', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v2', mnemonic: 'jslt' },
  jsle64_imm: { code: 0xd5, kind: 'jump', jumpOp: 'sle', width: 64, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base64', since: 'v2', mnemonic: 'jsle' },
  jsle64_reg: { code: 0xdd, kind: 'jump', jumpOp: 'sle', width: 64, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base64', since: 'v2', mnemonic: 'jsle' },

  // JMP32: RFC 9669 section 4.3
  jeq32_imm: { code: 0x16, kind: 'jump', jumpOp: 'eq', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jeq32' },
  jeq32_reg: { code: 0x1e, kind: 'jump', jumpOp: 'eq', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jeq32' },
  jgt32_imm: { code: 0x26, kind: 'jump', jumpOp: 'gt', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jgt32' },
  jgt32_reg: { code: 0x2e, kind: 'jump', jumpOp: 'gt', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jgt32' },
  jge32_imm: { code: 0x36, kind: 'jump', jumpOp: 'ge', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jge32' },
  jge32_reg: { code: 0x3e, kind: 'jump', jumpOp: 'ge', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jge32' },
  jset32_imm: { code: 0x46, kind: 'jump', jumpOp: 'set', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jset32' },
  jset32_reg: { code: 0x4e, kind: 'jump', jumpOp: 'set', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jset32' },
  jne32_imm: { code: 0x56, kind: 'jump', jumpOp: 'ne', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jne32' },
  jne32_reg: { code: 0x5e, kind: 'jump', jumpOp: 'ne', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jne32' },
  jsgt32_imm: { code: 0x66, kind: 'jump', jumpOp: 'sgt', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jsgt32' },
  jsgt32_reg: { code: 0x6e, kind: 'jump', jumpOp: 'sgt', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jsgt32' },
  jsge32_imm: { code: 0x76, kind: 'jump', jumpOp: 'sge', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jsge32' },
  jsge32_reg: { code: 0x7e, kind: 'jump', jumpOp: 'sge', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jsge32' },
  jlt32_imm: { code: 0xa6, kind: 'jump', jumpOp: 'lt', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jlt32' },
  jlt32_reg: { code: 0xae, kind: 'jump', jumpOp: 'lt', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jlt32' },
  jle32_imm: { code: 0xb6, kind: 'jump', jumpOp: 'le', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jle32' },
  jle32_reg: { code: 0xbe, kind: 'jump', jumpOp: 'le', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jle32' },
  jslt32_imm: { code: 0xc6, kind: 'jump', jumpOp: 'slt', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jslt32' },
  jslt32_reg: { code: 0xce, kind: 'jump', jumpOp: 'slt', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jslt32' },
  jsle32_imm: { code: 0xd6, kind: 'jump', jumpOp: 'sle', width: 32, source: 'imm', fields: ['dst', 'imm', 'off'], group: 'base32', since: 'v3', mnemonic: 'jsle32' },
  jsle32_reg: { code: 0xde, kind: 'jump', jumpOp: 'sle', width: 32, source: 'reg', fields: ['dst', 'src', 'off'], group: 'base32', since: 'v3', mnemonic: 'jsle32' },

  // Other control flow: RFC 9669 section 4.3; may_goto and gotox are Linux
  ja: { code: 0x05, kind: 'ja', source: 'none', fields: ['off'], group: 'base32', since: 'v1', mnemonic: 'ja' },
  gotol: { code: 0x06, kind: 'ja', source: 'none', fields: ['imm'], group: 'base32', since: 'v4', mnemonic: 'ja32' },
  may_goto: { code: 0xe5, kind: 'may_goto', source: 'none', fields: ['off'], group: 'linux', since: 'linux', mnemonic: 'may_goto' },
  call_helper: { code: 0x85, src: 0, kind: 'call', callee: 'helper', source: 'imm', fields: ['imm'], group: 'base32', since: 'v1', mnemonic: 'call' },
  call_local: { code: 0x85, src: 1, kind: 'call', callee: 'local', source: 'imm', fields: ['imm'], group: 'base32', since: 'v1', mnemonic: 'call local' },
  call_kfunc: { code: 0x85, src: 2, kind: 'call', callee: 'kfunc', source: 'imm', fields: ['off', 'imm'], group: 'base32', since: 'v1', mnemonic: 'call kfunc' },
  callx: { code: 0x8d, kind: 'callx', source: 'reg', fields: ['dst'], group: 'callx', since: 'v1', mnemonic: 'callx' },
  gotox: { code: 0x0d, kind: 'gotox', source: 'reg', fields: ['dst'], group: 'linux', since: 'linux', mnemonic: 'gotox' },
  exit: { code: 0x95, kind: 'exit', source: 'none', fields: [], group: 'base32', since: 'v1', mnemonic: 'exit' },} as const

// `satisfies` would say the same, but isolatedDeclarations does not allow it on an exported constant.
type Checked<Table extends Record<string, OpShape>> = Table

/** The type of `ops`: every row fits `OpShape`, or this does not compile. */
export type OpTable = Checked<typeof ops>

/** The name of an instruction: a key of `ops`. */
export type OpName = keyof OpTable

/** A row of the table with its name. Narrow it by `kind`, or by `name`. */
export type OpDef = {
  readonly [Name in OpName]: { readonly [K in keyof OpTable[Name]]: OpTable[Name][K] } & {
    readonly name: Name
  }
}[OpName]

/** The kinds of instruction. */
export type OpKind = OpDef['kind']

/** The row of each name. */
export const defs: { readonly [Name in OpName]: Extract<OpDef, { readonly name: Name }> } =
  /* @__PURE__ */ Object.fromEntries(
    /* @__PURE__ */ Object.entries(ops).map(([name, row]) => [name, Object.freeze({ name, ...row })]),
  ) as { readonly [Name in OpName]: Extract<OpDef, { readonly name: Name }> }

/** Every row, in the table's order. */
export const allDefs: readonly OpDef[] = /* @__PURE__ */ Object.values(defs)

/**
 * The kinds of ld_imm64, by the number in its src field (uapi/linux/bpf.h, BPF_PSEUDO_*). `high` says what
 * the second slot's imm holds: the upper half of the value, an offset into the map's value, the file
 * descriptor of the BTF object (0 is vmlinux), or nothing (then it must be zero).
 */
export const LD_IMM64_SRC = {
  0: { name: 'plain', uapi: '', high: 'value' },
  1: { name: 'map_fd', uapi: 'BPF_PSEUDO_MAP_FD', high: 'none' },
  2: { name: 'map_value', uapi: 'BPF_PSEUDO_MAP_VALUE', high: 'offset' },
  3: { name: 'btf_id', uapi: 'BPF_PSEUDO_BTF_ID', high: 'btf_fd' },
  4: { name: 'func', uapi: 'BPF_PSEUDO_FUNC', high: 'none' },
  5: { name: 'map_idx', uapi: 'BPF_PSEUDO_MAP_IDX', high: 'none' },
  6: { name: 'map_idx_value', uapi: 'BPF_PSEUDO_MAP_IDX_VALUE', high: 'offset' },
} as const

/** A number in ld_imm64's src field. */
export type LdImm64Src = keyof typeof LD_IMM64_SRC

/** The number of registers that an instruction can name: r0 to r10. */
export const REGISTER_COUNT = 11
