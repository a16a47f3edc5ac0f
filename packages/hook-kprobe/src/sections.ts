import type { SectionDef } from '@skep/registry'

/** Load flag of programs that may sleep. */
export const BPF_F_SLEEPABLE = 0x10

/** A section name of libbpf's table, also with something after a slash. */
export const section = (name: string, attachType?: string, flags?: number): SectionDef => ({
  name,
  prefix: true,
  ...(attachType ? { attachType } : {}),
  ...(flags ? { flags } : {}),
})
