import { assemble } from '@skep/isa'
import type { ProgramSpec, Reference } from '@skep/runtime'

const LD_IMM64 = 0x18
const CALL = 0x85
const BPF_PSEUDO_MAP_FD = 1
const BPF_PSEUDO_KFUNC_CALL = 2
/** Numbers that no program has of its own mark maps and kernel functions. */
const MAP = 0x5e70_0000
const KFUNC = 0x5e71_0000

/** A program of text, in which `rN = map NAME` is a map's address and `kcall NAME` calls a kernel function. */
export function assembleProgram(
  text: string,
  about: Pick<ProgramSpec, 'name' | 'section' | 'type' | 'attachType'>,
): ProgramSpec {
  const names: string[] = []
  const mark = (base: number, name: string): number => base + names.push(name) - 1
  const insns = assemble(
    text
      .replace(/= map (\S+)/g, (_, name: string) => `= ${mark(MAP, name)} ll`)
      .replace(/\bkcall (\w+)/g, (_, name: string) => `call ${mark(KFUNC, name)}`),
  )
  const view = new DataView(insns.buffer, insns.byteOffset)
  const references: Reference[] = []
  for (let at = 0; at < insns.length; at += 8) {
    const immediate = view.getUint32(at + 4, true)
    const name = names[immediate & 0xffff]
    if (name === undefined) continue
    const base = immediate & 0xffff_0000
    const insn = at / 8
    if (insns[at] === LD_IMM64 && base === MAP) {
      insns[at + 1]! |= BPF_PSEUDO_MAP_FD << 4
      references.push({ insn, kind: 'map', map: name })
    } else if (insns[at] === CALL && base === KFUNC) {
      insns[at + 1] = BPF_PSEUDO_KFUNC_CALL << 4
      references.push({ insn, kind: 'kfunc', name })
    } else continue
    view.setUint32(at + 4, 0, true)
  }
  return { ...about, license: 'GPL', insns, references, functions: [], lines: [] }
}
