export { ElfError, type ElfErrorCode, type ElfPlace } from './errors.ts'
export { elfLoader } from './loader.ts'
export { type ParseElfOptions, parseElf } from './parse-elf.ts'
