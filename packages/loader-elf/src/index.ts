export {
  type ElfObject,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  isCode,
  readElf,
  STT,
} from './elf.ts'
export { ElfError, type ElfErrorCode, type ElfPlace } from './errors.ts'
export type { KconfigOptions } from './kconfig.ts'
export { elfLoader } from './loader.ts'
export { type ParseElfOptions, parseElf } from './parse-elf.ts'
