import { handlerTable } from './handler-table.ts'
import * as layout from './layout/structures.ts'

const handlers: Readonly<Record<string, number>> = handlerTable

/** Handlers that do several instructions, by the handlers of these, joined by commas; longer ones first. */
interface Fusion {
  readonly handler: number
  readonly parts: readonly number[]
  /** Whether all parts work on the same register. */
  readonly sameRegister: boolean
}

function collectFusions(): ReadonlyMap<number, readonly Fusion[]> {
  const byFirst = new Map<number, Fusion[]>()
  for (const [name, handler] of Object.entries(handlers)) {
    const sameRegister = name.includes('__')
    const parts = name.split(sameRegister ? '__' : '_AND_').map((part) => handlers[part]!)
    if (parts.length === 1) continue
    const list = byFirst.get(parts[0]!) ?? []
    list.push({ handler, parts, sameRegister })
    byFirst.set(
      parts[0]!,
      list.sort((a, b) => b.parts.length - a.parts.length),
    )
  }
  return byFirst
}

let fusions: ReadonlyMap<number, readonly Fusion[]> | undefined

/**
 * Chooses for each record the handler that does it, together with the records behind it where there is one for these.
 * Those keep their own handlers: jumps may go to them.
 */
export function fuse(view: DataView, first: number, count: number): void {
  fusions ??= collectFusions()
  for (let n = 0; n < count; n++) {
    const at = first + n * layout.REC_SIZE
    const single = view.getUint8(at + layout.REC_SINGLE)
    const fusion = fusions.get(single)?.find((one) => fits(view, at, count - n, one))
    view.setUint8(at + layout.REC_HANDLER, fusion?.handler ?? single)
  }
}

function fits(view: DataView, at: number, left: number, { parts, sameRegister }: Fusion): boolean {
  if (parts.length > left) return false
  const register = view.getUint8(at + layout.REC_DST)
  return parts.every((part, n) => {
    const record = at + n * layout.REC_SIZE
    return (
      view.getUint8(record + layout.REC_SINGLE) === part &&
      (!sameRegister || view.getUint8(record + layout.REC_DST) === register)
    )
  })
}
