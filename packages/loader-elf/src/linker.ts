export type { ObjectToLink } from './linker/input.ts'
export { linkElf } from './linker/link-elf.ts'
