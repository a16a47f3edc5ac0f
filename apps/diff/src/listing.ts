import { decodeLenient, formatKernel } from '@skep/isa'
import type { Platform, Row } from '@skep/registry'

/** The program as text in the kernel's syntax, with slots. */
export function listing(row: Row, platform: Platform): string {
  const lines: string[] = []
  let slot = 0
  for (const insn of decodeLenient(Buffer.from(row.insns, 'hex'))) {
    const map = row.refs?.find((ref) => ref.insn === slot)?.map
    const text = formatKernel(insn, {
      helperName: (id) => platform.helpers.byId(id)?.name,
      ...(map === undefined ? {} : { imm64: () => `map[${map}] ${row.maps?.[map]?.type}` }),
    })
    lines.push(`${String(slot).padStart(4)}: ${text}`)
    slot += insn.imm64 === undefined ? 1 : 2
  }
  return lines.join('\n')
}
