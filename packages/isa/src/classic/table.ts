/** Arithmetic of classic BPF, on the 32-bit accumulator A. */
export type ClassicAluOp = 'add' | 'sub' | 'mul' | 'div' | 'or' | 'and' | 'lsh' | 'rsh' | 'mod' | 'xor'

/** Conditions of classic BPF, all unsigned: A op k, or A op X. `set` is A & operand. */
export type ClassicJumpOp = 'eq' | 'gt' | 'ge' | 'set'

type Common<Kind extends string> = {
  /** The 16-bit opcode; none is above 0xff. */
  readonly code: number
  readonly kind: Kind
  /** As tcpdump and bpf_asm both write it. */
  readonly mnemonic: string
}
type Operand = { readonly source: 'k' | 'x' }

/** What a row of the table may hold, by kind. */
export type ClassicOpShape =
  | (Common<'ld'> & { readonly mode: 'abs' | 'ind'; readonly size: 1 | 2 | 4 })
  | (Common<'ld' | 'ldx'> & { readonly mode: 'imm' | 'mem' | 'len'; readonly size: 4 })
  | (Common<'ldx'> & { readonly mode: 'msh'; readonly size: 1 })
  | (Common<'st' | 'stx'> & { readonly mode: 'mem'; readonly size: 4 })
  | (Common<'alu'> & Operand & { readonly aluOp: ClassicAluOp })
  | (Common<'jump'> & Operand & { readonly jumpOp: ClassicJumpOp })
  | (Common<'ret'> & { readonly source: 'k' | 'a' })
  | Common<'neg' | 'ja' | 'tax' | 'txa'>

/**
 * Every instruction of classic BPF that Linux runs (linux/filter.h). A is the accumulator, X the index
 * register, M the scratch memory of 16 words, k the constant of the instruction.
 */
// biome-ignore format: a table reads best as one row a line
export const classicOps = {
  // A = a load: from the packet at k or X + k, the length of the packet, k, or M[k]
  ld_w_abs: { code: 0x20, kind: 'ld', mode: 'abs', size: 4, mnemonic: 'ld' },
  ld_h_abs: { code: 0x28, kind: 'ld', mode: 'abs', size: 2, mnemonic: 'ldh' },
  ld_b_abs: { code: 0x30, kind: 'ld', mode: 'abs', size: 1, mnemonic: 'ldb' },
  ld_w_ind: { code: 0x40, kind: 'ld', mode: 'ind', size: 4, mnemonic: 'ld' },
  ld_h_ind: { code: 0x48, kind: 'ld', mode: 'ind', size: 2, mnemonic: 'ldh' },
  ld_b_ind: { code: 0x50, kind: 'ld', mode: 'ind', size: 1, mnemonic: 'ldb' },
  ld_len: { code: 0x80, kind: 'ld', mode: 'len', size: 4, mnemonic: 'ld' },
  ld_imm: { code: 0x00, kind: 'ld', mode: 'imm', size: 4, mnemonic: 'ld' },
  ld_mem: { code: 0x60, kind: 'ld', mode: 'mem', size: 4, mnemonic: 'ld' },
  // X = a load; msh is 4 * (the low four bits of the byte at k)
  ldx_len: { code: 0x81, kind: 'ldx', mode: 'len', size: 4, mnemonic: 'ldx' },
  ldx_imm: { code: 0x01, kind: 'ldx', mode: 'imm', size: 4, mnemonic: 'ldx' },
  ldx_mem: { code: 0x61, kind: 'ldx', mode: 'mem', size: 4, mnemonic: 'ldx' },
  ldx_msh: { code: 0xb1, kind: 'ldx', mode: 'msh', size: 1, mnemonic: 'ldxb' },
  // M[k] = A, M[k] = X
  st: { code: 0x02, kind: 'st', mode: 'mem', size: 4, mnemonic: 'st' },
  stx: { code: 0x03, kind: 'stx', mode: 'mem', size: 4, mnemonic: 'stx' },
  // A = A op k, A = A op X, A = -A
  add_k: { code: 0x04, kind: 'alu', aluOp: 'add', source: 'k', mnemonic: 'add' },
  add_x: { code: 0x0c, kind: 'alu', aluOp: 'add', source: 'x', mnemonic: 'add' },
  sub_k: { code: 0x14, kind: 'alu', aluOp: 'sub', source: 'k', mnemonic: 'sub' },
  sub_x: { code: 0x1c, kind: 'alu', aluOp: 'sub', source: 'x', mnemonic: 'sub' },
  mul_k: { code: 0x24, kind: 'alu', aluOp: 'mul', source: 'k', mnemonic: 'mul' },
  mul_x: { code: 0x2c, kind: 'alu', aluOp: 'mul', source: 'x', mnemonic: 'mul' },
  div_k: { code: 0x34, kind: 'alu', aluOp: 'div', source: 'k', mnemonic: 'div' },
  div_x: { code: 0x3c, kind: 'alu', aluOp: 'div', source: 'x', mnemonic: 'div' },
  or_k: { code: 0x44, kind: 'alu', aluOp: 'or', source: 'k', mnemonic: 'or' },
  or_x: { code: 0x4c, kind: 'alu', aluOp: 'or', source: 'x', mnemonic: 'or' },
  and_k: { code: 0x54, kind: 'alu', aluOp: 'and', source: 'k', mnemonic: 'and' },
  and_x: { code: 0x5c, kind: 'alu', aluOp: 'and', source: 'x', mnemonic: 'and' },
  lsh_k: { code: 0x64, kind: 'alu', aluOp: 'lsh', source: 'k', mnemonic: 'lsh' },
  lsh_x: { code: 0x6c, kind: 'alu', aluOp: 'lsh', source: 'x', mnemonic: 'lsh' },
  rsh_k: { code: 0x74, kind: 'alu', aluOp: 'rsh', source: 'k', mnemonic: 'rsh' },
  rsh_x: { code: 0x7c, kind: 'alu', aluOp: 'rsh', source: 'x', mnemonic: 'rsh' },
  mod_k: { code: 0x94, kind: 'alu', aluOp: 'mod', source: 'k', mnemonic: 'mod' },
  mod_x: { code: 0x9c, kind: 'alu', aluOp: 'mod', source: 'x', mnemonic: 'mod' },
  xor_k: { code: 0xa4, kind: 'alu', aluOp: 'xor', source: 'k', mnemonic: 'xor' },
  xor_x: { code: 0xac, kind: 'alu', aluOp: 'xor', source: 'x', mnemonic: 'xor' },
  neg: { code: 0x84, kind: 'neg', mnemonic: 'neg' },
  // pc += k; pc += condition ? jt : jf
  ja: { code: 0x05, kind: 'ja', mnemonic: 'ja' },
  jeq_k: { code: 0x15, kind: 'jump', jumpOp: 'eq', source: 'k', mnemonic: 'jeq' },
  jeq_x: { code: 0x1d, kind: 'jump', jumpOp: 'eq', source: 'x', mnemonic: 'jeq' },
  jgt_k: { code: 0x25, kind: 'jump', jumpOp: 'gt', source: 'k', mnemonic: 'jgt' },
  jgt_x: { code: 0x2d, kind: 'jump', jumpOp: 'gt', source: 'x', mnemonic: 'jgt' },
  jge_k: { code: 0x35, kind: 'jump', jumpOp: 'ge', source: 'k', mnemonic: 'jge' },
  jge_x: { code: 0x3d, kind: 'jump', jumpOp: 'ge', source: 'x', mnemonic: 'jge' },
  jset_k: { code: 0x45, kind: 'jump', jumpOp: 'set', source: 'k', mnemonic: 'jset' },
  jset_x: { code: 0x4d, kind: 'jump', jumpOp: 'set', source: 'x', mnemonic: 'jset' },
  // return k, return A
  ret_k: { code: 0x06, kind: 'ret', source: 'k', mnemonic: 'ret' },
  ret_a: { code: 0x16, kind: 'ret', source: 'a', mnemonic: 'ret' },
  // X = A, A = X
  tax: { code: 0x07, kind: 'tax', mnemonic: 'tax' },
  txa: { code: 0x87, kind: 'txa', mnemonic: 'txa' },
} as const

// `satisfies` would say the same, but isolatedDeclarations does not allow it on an exported constant.
type Checked<Table extends Record<string, ClassicOpShape>> = Table

/** The type of `classicOps`: every row fits `ClassicOpShape`, or this does not compile. */
export type ClassicOpTable = Checked<typeof classicOps>

/** The name of a classic instruction. */
export type ClassicOpName = keyof ClassicOpTable

/** A row of the classic table with its name. */
export type ClassicOpDef = {
  readonly [Name in ClassicOpName]: {
    readonly [K in keyof ClassicOpTable[Name]]: ClassicOpTable[Name][K]
  } & {
    readonly name: Name
  }
}[ClassicOpName]

/** The row of each name. */
export const classicDefs: {
  readonly [Name in ClassicOpName]: Extract<ClassicOpDef, { readonly name: Name }>
} = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ Object.entries(classicOps).map(([name, row]) => [name, Object.freeze({ name, ...row })]),
) as { readonly [Name in ClassicOpName]: Extract<ClassicOpDef, { readonly name: Name }> }

const byCode: ReadonlyMap<number, ClassicOpDef> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ Object.values(classicDefs).map((def) => [def.code, def] as const),
)

/** The row of an opcode, undefined if Linux does not run it. */
export function classicDef(code: number): ClassicOpDef | undefined {
  return byCode.get(code)
}

/** `BPF_MEMWORDS`: the words of scratch memory. */
export const CLASSIC_MEMORY_WORDS = 16

/** `BPF_MAXINSNS`: the most instructions that Linux takes in a classic program. */
export const CLASSIC_MAX_INSNS = 4096

/** `SKF_AD_OFF`, as unsigned k: absolute loads from here on read metadata of the packet (Linux). */
export const SKF_AD_OFF = 0xffff_f000

/** `SKF_NET_OFF`, as unsigned k: the network header. */
export const SKF_NET_OFF = 0xfff0_0000

/** `SKF_LL_OFF`, as unsigned k: the link-layer header. */
export const SKF_LL_OFF = 0xffe0_0000

/**
 * Linux's extensions: what an absolute load at `SKF_AD_OFF` + `offset` gives (uapi/linux/filter.h,
 * SKF_AD_*). `bpfAsm` and `pcap` are the names that bpf_asm and libpcap have for it; bpf_asm has none for
 * the exclusive or of A and X, which is no load.
 */
export const ANCILLARY = {
  protocol: { offset: 0, bpfAsm: 'proto', pcap: 'proto' },
  pkttype: { offset: 4, bpfAsm: 'type', pcap: 'type' },
  ifindex: { offset: 8, bpfAsm: 'ifidx', pcap: 'ifidx' },
  nlattr: { offset: 12, bpfAsm: 'nla', pcap: 'nla' },
  nlattr_nest: { offset: 16, bpfAsm: 'nlan', pcap: 'nlan' },
  mark: { offset: 20, bpfAsm: 'mark', pcap: 'mark' },
  queue: { offset: 24, bpfAsm: 'queue', pcap: 'queue' },
  hatype: { offset: 28, bpfAsm: 'hatype', pcap: 'hatype' },
  rxhash: { offset: 32, bpfAsm: 'rxhash', pcap: 'rxhash' },
  cpu: { offset: 36, bpfAsm: 'cpu', pcap: 'cpu' },
  alu_xor_x: { offset: 40, bpfAsm: '', pcap: 'xor_x' },
  vlan_tag: { offset: 44, bpfAsm: 'vlan_tci', pcap: 'vlan_tci' },
  vlan_tag_present: { offset: 48, bpfAsm: 'vlan_avail', pcap: 'vlanp' },
  pay_offset: { offset: 52, bpfAsm: 'poff', pcap: 'poff' },
  random: { offset: 56, bpfAsm: 'rand', pcap: 'random' },
  vlan_tpid: { offset: 60, bpfAsm: 'vlan_tpid', pcap: 'vlan_tpid' },
} as const

/** The name of a Linux extension. */
export type AncillaryName = keyof typeof ANCILLARY

const ancillaryByOffset: ReadonlyMap<number, AncillaryName> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ (Object.keys(ANCILLARY) as AncillaryName[]).map(
    (name) => [ANCILLARY[name].offset, name] as const,
  ),
)

/** The extension that an absolute load with this k reads, if it is one. */
export function ancillaryAt(k: number): AncillaryName | undefined {
  return ancillaryByOffset.get((k >>> 0) - SKF_AD_OFF)
}
