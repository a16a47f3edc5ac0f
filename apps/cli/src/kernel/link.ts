import type { Kernel, LinkInfo } from '@skep/linux'
import { RefusedError, UsageError } from '../report.ts'
import type { Words } from './with-kernel.ts'

const describe = ({ id, type, programId, details }: LinkInfo): object => ({
  id,
  type,
  ...(programId === 0 ? {} : { prog_id: programId }),
  // The kind of a perf event stands beside the link's type.
  ...Object.fromEntries(
    Object.entries(details).map(([name, value]) => [name === 'type' ? 'event' : name, value]),
  ),
})

const describeText = (link: LinkInfo): string => {
  const { id, type, programId, details } = link
  const rest = Object.entries(details).map(([name, value]) => `${name} ${value}`)
  const head = `${id}: ${type}${programId === 0 ? '' : `  prog ${programId}`}`
  return rest.length === 0 ? head : `${head}\n\t${rest.join('  ')}`
}

/** `link show [LINK]`. */
export function linkCommand(
  kernel: Kernel,
  words: Words,
  print: (json: unknown, text: () => string) => void,
): void {
  if (!words.done && !words.take('show', 'list')) throw new UsageError('link: the word here is show')
  if (words.done) {
    const links = kernel.ids('link').flatMap((id) => kernel.linkInfo(id) ?? [])
    print(links.map(describe), () => links.map(describeText).join('\n'))
    return
  }
  if (!words.take('id')) throw new UsageError('link show: name it with id')
  const id = words.number('id')
  words.end()
  const link = kernel.linkInfo(id)
  if (!link) throw new RefusedError('ENOENT', `link: there is none of id ${id}`)
  print(describe(link), () => describeText(link))
}
