import type { BtfInfo, Kernel } from '@skep/linux'
import { RefusedError, UsageError } from '../report.ts'
import type { Words } from './with-kernel.ts'

/** Ids of the programs and maps whose types are in each BTF. */
function users(kernel: Kernel): (kind: 'prog' | 'map', btf: number) => number[] {
  const found = { prog: new Map<number, number[]>(), map: new Map<number, number[]>() }
  const add = (kind: 'prog' | 'map', id: number, btf: number): void => {
    const ids = found[kind].get(btf)
    if (ids) ids.push(id)
    else found[kind].set(btf, [id])
  }
  for (const id of kernel.ids('prog')) {
    using program = kernel.openProgram(id)
    if (program) add('prog', id, program.info().btfId)
  }
  for (const id of kernel.ids('map')) {
    using map = kernel.openMap(id)
    if (map) add('map', id, map.info().btfId)
  }
  return (kind, btf) => found[kind].get(btf) ?? []
}

/** `btf show [id ID]`. */
export function btfShow(
  kernel: Kernel,
  words: Words,
  print: (json: unknown, text: () => string) => void,
): void {
  if (!words.done && !words.take('show', 'list'))
    throw new UsageError('btf: the words here are show and dump')
  let ids: readonly number[]
  const single = !words.done
  if (!single) ids = kernel.ids('btf')
  else {
    if (!words.take('id')) throw new UsageError('btf show: name it with id')
    ids = [words.number('id')]
    words.end()
  }
  const of = users(kernel)
  const all = ids.flatMap((id) => kernel.btfInfo(id) ?? [])
  if (all.length === 0 && ids.length === 1)
    throw new RefusedError('ENOENT', `btf: there is none of id ${ids[0]}`)
  const describe = (btf: BtfInfo): object => ({
    id: btf.id,
    size: btf.size,
    prog_ids: of('prog', btf.id),
    map_ids: of('map', btf.id),
    kernel: btf.kernel,
    ...(btf.name === '' ? {} : { name: btf.name }),
  })
  const describeText = (btf: BtfInfo): string => {
    const name = btf.name === '' ? '<anon>' : btf.kernel ? `[${btf.name}]` : btf.name
    const lists = (['prog', 'map'] as const).flatMap((kind) => {
      const list = of(kind, btf.id)
      return list.length > 0 ? [`  ${kind}_ids ${list.join()}`] : []
    })
    return `${btf.id}: name ${name}  size ${btf.size}B${lists.join('')}`
  }
  const json = all.map(describe)
  print(single ? json[0] : json, () => all.map(describeText).join('\n'))
}

/** The bytes of `btf dump id ID`, `btf dump prog PROG`, `btf dump map MAP`: of those that name it by id. */
export function btfBytes(kernel: Kernel, kind: 'id' | 'prog' | 'map', id: number): Uint8Array {
  const btfId =
    kind === 'id'
      ? id
      : kind === 'prog'
        ? kernel.openProgram(id)?.info().btfId
        : kernel.openMap(id)?.info().btfId
  const found = btfId ? kernel.btfInfo(btfId) : undefined
  if (!found) throw new RefusedError('ENOENT', `btf dump: there is no BTF of ${kind} ${id}`)
  return found.bytes
}
