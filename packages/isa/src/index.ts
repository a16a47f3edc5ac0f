export { type Assembled, type AssembleOptions, assemble, parseAssembly } from './asm/assemble.ts'
export { AssemblyError, type AssemblyErrorCode, type TextPosition } from './asm/error.ts'
export type { HelperLookup } from './asm/syntax-mnemonic.ts'
export { assembleBpfAsm } from './classic/bpf-asm.ts'
export { checkClassic } from './classic/check.ts'
export { checkSeccomp, SECCOMP_DATA_SIZE } from './classic/check-seccomp.ts'
export { formatDdd, parseDdd } from './classic/ddd.ts'
export { disassembleBpfAsm } from './classic/format-bpf-asm.ts'
export { formatClassic } from './classic/format-tcpdump.ts'
export {
  ClassicError,
  type ClassicErrorCode,
  type ClassicInsn,
  decodeClassic,
  encodeClassic,
} from './classic/insn.ts'
export {
  ANCILLARY,
  type AncillaryName,
  ancillaryAt,
  CLASSIC_MAX_INSNS,
  CLASSIC_MEMORY_WORDS,
  type ClassicAluOp,
  type ClassicJumpOp,
  type ClassicOpDef,
  type ClassicOpName,
  type ClassicOpShape,
  type ClassicOpTable,
  classicDef,
  classicDefs,
  classicOps,
  SKF_AD_OFF,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from './classic/table.ts'
export { type InsnBuilders, insn } from './ebpf/build.ts'
export {
  type CodecOptions,
  checkTargets,
  type DecodeOptions,
  decode,
  decodeLenient,
  decodeSlot,
  type RawSlot,
  type SlotResult,
} from './ebpf/decode.ts'
export { encode } from './ebpf/encode.ts'
export { IsaError, type IsaErrorCode, type IsaField, type IsaProblem } from './ebpf/error.ts'
export { type FormatKernelOptions, formatKernel } from './ebpf/format-kernel.ts'
export { type CodeSymbol, type FormatLlvmOptions, formatLlvm } from './ebpf/format-llvm.ts'
export { formatMnemonic } from './ebpf/format-mnemonic.ts'
export { type Insn, type RawFields, targetDelta, targetField } from './ebpf/insn.ts'
export { ALU_OPERATOR, JUMP_OPERATOR } from './ebpf/operators.ts'
export {
  type AluOp,
  type AtomicOp,
  allDefs,
  type ConformanceGroup,
  defs,
  type Field,
  type JumpOp,
  LD_IMM64_SRC,
  type LdImm64Src,
  type OpDef,
  type OpKind,
  type OpName,
  type OpShape,
  type OpTable,
  ops,
  REGISTER_COUNT,
  type Since,
} from './ebpf/table.ts'
