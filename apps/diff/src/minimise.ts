import type { Row } from '@skep/registry'
import { copyDraft, type Draft, parseDraft, removeNodes, rowOf } from './draft.ts'

const MAX_TRIES = 3000
/** `r0 = 0`, the smallest constant load. */
const MOV = 0xb7

/** Cuts a program down while `differs` stays true of it: fewer instructions, then fewer flags and maps, then smaller numbers. */
export function minimise(row: Row, differs: (row: Row) => boolean): Row {
  let best: Draft = parseDraft(row)
  let tries = 0
  const attempt = (change: (draft: Draft) => Draft | undefined): boolean => {
    if (tries++ > MAX_TRIES) return false
    const next = change(copyDraft(best))
    if (!next || next.nodes.length === 0 || !differs(rowOf(next))) return false
    best = next
    return true
  }
  let again = true
  while (again) {
    again = false
    for (let size = Math.max(1, best.nodes.length >> 1); size >= 1; size >>= 1)
      for (let at = best.nodes.length - size; at >= 0; at -= size)
        again =
          attempt((draft) => {
            removeNodes(draft, at, size)
            return draft
          }) || again
  }
  for (const key of ['flags', 'unprivileged', 'attach_type', 'btf'] as const)
    attempt(({ row: { [key]: _, ...rest }, nodes }) =>
      _ === undefined || _ === false ? undefined : { row: rest as Draft['row'], nodes },
    )
  for (let at = 0; at < best.nodes.length; at++) {
    for (const change of [{ code: MOV, src: 0, off: 0, imm: 0 }, { imm: 0 }, { off: 0 }, { imm: 1 }] as const)
      attempt((draft) => {
        const node = draft.nodes[at]!
        if (node.high !== undefined || node.code === 0x85 || node.code === 0x95) return undefined
        if (Object.entries(change).every(([key, value]) => node[key as 'imm'] === value)) return undefined
        Object.assign(node, change)
        if ('code' in change) delete node.target
        return draft
      })
  }
  return withoutSpareMaps(rowOf(best), differs)
}

function withoutSpareMaps(row: Row, differs: (row: Row) => boolean): Row {
  const { maps, refs } = row
  if (!maps) return row
  const kept = maps.map((_, i) => i).filter((i) => refs?.some((ref) => ref.map === i))
  if (kept.some((i) => typeof maps[i]!.inner === 'number')) return row
  const slim: Row = {
    ...row,
    maps: kept.map((i) => maps[i]!),
    refs: (refs ?? []).map((ref) => ({ ...ref, map: kept.indexOf(ref.map) })),
  }
  return differs(slim) ? slim : row
}
