export {
  type ActionWords,
  type BpfFilterWords,
  type BpfProgramWords,
  type BpfSource,
  formatAction,
  formatProgram,
  type GraftWords,
  parseBpfWords,
  parseGraftWords,
} from './bpf-words.ts'
export { parseTcBytecode, readBytecode, readBytecodeFile, type TcBytecodeOptions } from './bytecode.ts'
export type { BpfElfMap } from './elf-maps.ts'
export { TcError, type TcErrorCode, type TcPlace } from './errors.ts'
export {
  type ParseTcOptions,
  parseTc,
  TC_SECTIONS,
  type TcPin,
  type TcProgramType,
  type TcSlot,
  type TcSpec,
} from './parse-tc.ts'
export { BPF_MOUNT, PIN_GLOBAL_NS, PIN_NONE, PIN_OBJECT_NS, parsePinning, pinPathOf } from './pinning.ts'
export { scanSlot } from './scan-number.ts'
export { badWords, formatClassid, matches, parseClassid, Words } from './words.ts'
