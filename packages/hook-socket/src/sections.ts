import type { SectionDef } from '@skep/registry'

/** A section name of libbpf's table, also with something after a slash. */
export const section = (name: string, attachType?: string): SectionDef => ({
  name,
  prefix: true,
  ...(attachType ? { attachType } : {}),
})
