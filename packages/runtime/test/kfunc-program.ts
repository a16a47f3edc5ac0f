import { assemble } from '@skep/isa'
import { createDefaultPlatform, type ProgramSpec } from '../src/index.ts'
import { program as plain } from './hostile-tools.ts'

// Programs that call kernel functions by name, from text.

const PSEUDO_KFUNC_CALL = 2
const CALL = 0x85
const LD_IMM64 = 0x18
const PSEUDO_MAP_FD = 1
/** "map" and a number. */
const MAP = 0x6d61_7000

/** Where a program calls kernel functions and names maps. */
export interface Calls {
  readonly insns: Uint8Array
  readonly calls: readonly { readonly insn: number; readonly name: string }[]
  readonly maps: readonly { readonly insn: number; readonly map: number }[]
}

const platform = createDefaultPlatform()

/** `kcall NAME` calls a kernel function, `call NAME` a helper; `rN = map M` loads the address of the M-th map. */
export function parseCalls(source: string): Calls {
  const text = source
    .replace(/= map (\d)/g, (_, map) => `= 0x6d6170${map}0 ll`)
    .replace(/\bcall (bpf_\w+)/g, (_, name) => `call ${platform.helpers.byName(name)!.id}`)
  const names: string[] = []
  // Numbers that no helper has mark the places.
  const mark = 0x7000
  const insns = assemble(text.replace(/kcall (\w+)/g, (_, name) => `call ${mark + names.push(name) - 1}`))
  const view = new DataView(insns.buffer, insns.byteOffset)
  const calls: { insn: number; name: string }[] = []
  const maps: { insn: number; map: number }[] = []
  for (let at = 0; at < insns.length; at += 8) {
    const number = view.getInt32(at + 4, true)
    if (insns[at] === LD_IMM64 && (number & 0xffff_ff0f) === MAP) {
      insns[at + 1]! |= PSEUDO_MAP_FD << 4
      view.setInt32(at + 4, 0, true)
      maps.push({ insn: at / 8, map: (number >> 4) & 15 })
    }
    if (insns[at] !== CALL || number < mark || number >= mark + names.length) continue
    insns[at + 1] = PSEUDO_KFUNC_CALL << 4
    view.setInt32(at + 4, 0, true)
    calls.push({ insn: at / 8, name: names[number - mark]! })
  }
  return { insns, calls, maps }
}

/** A program of text with `kcall NAME`. */
export function kfuncProgram(text: string, more: Partial<ProgramSpec> = {}): ProgramSpec {
  const { insns, calls, maps } = parseCalls(text)
  return plain('r0 = 0\nexit', {
    insns,
    references: [
      ...calls.map(({ insn, name }) => ({ insn, kind: 'kfunc' as const, name })),
      ...maps.map(({ insn, map }) => ({ insn, kind: 'map' as const, map: `m${map}` })),
    ],
    ...more,
  })
}
