import { defineLoader, type LoaderDef } from '@skep/registry'
import { parseElf } from './parse-elf.ts'

/** ELF objects as a loader of the platform. */
export const elfLoader: LoaderDef = defineLoader({
  name: 'elf',
  detect: (bytes) =>
    bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46,
  parse: (bytes, platform, options) => parseElf(bytes, { ...options, platform }),
})
