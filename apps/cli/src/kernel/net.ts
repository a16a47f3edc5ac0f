import { readdirSync, readFileSync } from 'node:fs'
import type { Kernel } from '@skep/linux'
import { UsageError } from '../report.ts'
import type { Words } from './with-kernel.ts'

/** Names of this network namespace's interfaces by number. */
function interfaces(): ReadonlyMap<number, string> {
  const root = '/sys/class/net'
  return new Map(
    readdirSync(root).flatMap((name) => {
      try {
        return [[Number(readFileSync(`${root}/${name}/ifindex`, 'latin1')), name] as const]
      } catch {
        return []
      }
    }),
  )
}

interface Attached {
  readonly devname?: string
  readonly ifindex: number
  readonly kind?: string
  readonly id: number
  readonly link_id: number
}

/** `net show`: programs that links hold on interfaces of this network namespace. */
export function netCommand(
  kernel: Kernel,
  words: Words,
  print: (json: unknown, text: () => string) => void,
): void {
  if (!words.done && !words.take('show', 'list')) throw new UsageError('net: the word here is show')
  words.end()
  const names = interfaces()
  const found = { xdp: [] as Attached[], tc: [] as Attached[], flow_dissector: [] as Attached[] }
  for (const id of kernel.ids('link')) {
    const link = kernel.linkInfo(id)
    const { ifindex, attach_type: kind } = link?.details ?? {}
    if (link === undefined || typeof ifindex !== 'number' || !names.has(ifindex)) continue
    const devname = names.get(ifindex)!
    const place = { devname, ifindex, id: link.programId, link_id: id }
    if (link.type === 'xdp') found.xdp.push(place)
    else found.tc.push({ devname, ifindex, kind: String(kind), id: link.programId, link_id: id })
  }
  print([found], () =>
    Object.entries(found)
      .map(([kind, list]) => [`${kind}:`, ...list.map(lineOf), ''].join('\n'))
      .join('\n'),
  )
}

const lineOf = ({ devname, ifindex, kind, id, link_id }: Attached): string =>
  `${devname}(${ifindex}) ${kind === undefined ? '' : `${kind} `}id ${id} link_id ${link_id}`
