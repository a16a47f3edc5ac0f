import { assemble } from '@skep/isa'
import type { CollectionSpec, MapSpec, ProgramSpec, Reference } from '@skep/runtime'

const BPF_PSEUDO_MAP_FD = 1
/** The mark that stands for the map in a program's text. */
const MAP = 0x6d6170

/** A program of text; `ld MAP` instructions are of the one map there is. */
function program(name: string, text: string, attachType?: string): ProgramSpec {
  const insns = assemble(text.replaceAll('MAP', `0x${MAP.toString(16)} ll`))
  const view = new DataView(insns.buffer, insns.byteOffset)
  const references: Reference[] = []
  for (let at = 0; at < insns.length; at += 8) {
    if (insns[at] !== 0x18 || view.getUint32(at + 4, true) !== MAP) continue
    insns[at + 1]! |= BPF_PSEUDO_MAP_FD << 4
    view.setUint32(at + 4, 0, true)
    references.push({ insn: at / 8, kind: 'map', map: 'counts' })
  }
  return {
    name,
    section: 'kprobe',
    type: 'kprobe',
    license: 'GPL',
    insns,
    references,
    functions: [],
    lines: [],
    ...(attachType ? { attachType } : {}),
  }
}

const counts: MapSpec = { name: 'counts', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 }

/** Programs of probes, from nothing to what one does with a call. */
export const spec: CollectionSpec = {
  programs: [
    program('empty', 'r0 = 0\nexit'),
    program('session', 'r0 = 0\nexit', 'trace_kprobe_session'),
    program(
      'count',
      `r1 = 0
       *(u32 *)(r10 - 4) = r1
       r1 = MAP
       r2 = r10
       r2 += -4
       call 1
       if r0 == 0 goto out
       r1 = 1
       lock *(u64 *)(r0 + 0) += r1
       out:
       r0 = 0
       exit`,
    ),
    program(
      'read_text',
      `r3 = *(u64 *)(r1 + 112)
       r1 = r10
       r1 += -64
       r2 = 64
       call 114
       r0 = 0
       exit`,
    ),
  ],
  maps: [counts],
  variables: [],
  license: 'GPL',
  notes: [],
}
