import { writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import type { Kernel, KernelProgram, ProgramInfo } from '@skep/linux'
import { RefusedError, UsageError } from '../report.ts'
import { selected, selectedOne, type Words } from './with-kernel.ts'
import { listXlated, type XlatedOptions } from './xlated.ts'

/** A program that is open, and what is known of it. */
interface Found {
  readonly program: KernelProgram
  readonly info: ProgramInfo
}

const open = (program: KernelProgram | undefined): Found | undefined =>
  program && { program, info: program.info() }

const finder = (kernel: Kernel) => ({
  what: 'prog',
  all: () => kernel.ids('prog').flatMap((id) => open(kernel.openProgram(id)) ?? []),
  byId: (id: number) => open(kernel.openProgram(id)),
  byPath: (path: string) => open(kernel.openPinnedProgram(path)),
  name: ({ info }: Found) => info.name,
  tag: ({ info }: Found) => info.tag,
})

/** Seconds since 1970 of a time since boot. */
const wallClock = (sinceBoot: bigint): number =>
  Math.floor(Date.now() / 1000 - uptime() + Number(sinceBoot) / 1e9)

const isoTime = (seconds: number): string => {
  const date = new Date(seconds * 1000)
  const minutes = -date.getTimezoneOffset()
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19)
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${local}${minutes < 0 ? '-' : '+'}${two(hours)}${two(rest)}`
}

function describe({ program, info }: Found): object {
  const memlock = program.facts().get('memlock')
  return {
    id: info.id,
    type: info.type,
    ...(info.name === '' ? {} : { name: info.name }),
    tag: info.tag,
    gpl_compatible: info.gplCompatible,
    ...(info.runTimeNs > 0n ? { run_time_ns: info.runTimeNs, run_cnt: info.runCount } : {}),
    loaded_at: wallClock(info.loadTime),
    uid: info.uid,
    ...(info.xlatedLength > 0 ? { bytes_xlated: info.xlatedLength } : {}),
    jited: info.jitedLength > 0,
    ...(info.jitedLength > 0 ? { bytes_jited: info.jitedLength } : {}),
    ...(memlock === undefined ? {} : { bytes_memlock: Number(memlock) }),
    ...(info.mapIds.length > 0 ? { map_ids: info.mapIds } : {}),
    ...(info.btfId === 0 ? {} : { btf_id: info.btfId }),
  }
}

function describeText({ program, info }: Found): string {
  const memlock = program.facts().get('memlock')
  const runs = info.runTimeNs > 0n ? ` run_time_ns ${info.runTimeNs} run_cnt ${info.runCount}` : ''
  const head = `${info.id}: ${info.type}  ${info.name === '' ? '' : `name ${info.name}  `}tag ${info.tag}`
  return [
    `${head}${info.gplCompatible ? '  gpl' : ''}${runs}`,
    `\tloaded_at ${isoTime(wallClock(info.loadTime))}  uid ${info.uid}`,
    `\txlated ${info.xlatedLength}B  ${info.jitedLength > 0 ? `jited ${info.jitedLength}B` : 'not jited'}` +
      (memlock === undefined ? '' : `  memlock ${memlock}B`) +
      (info.mapIds.length > 0 ? `  map_ids ${info.mapIds.join()}` : ''),
    ...(info.btfId === 0 ? [] : [`\tbtf_id ${info.btfId}`]),
  ].join('\n')
}

const bytesText = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1 ')

/** `prog show [PROG]`, `prog dump xlated|jited PROG [file FILE] [opcodes] [linum]`. */
export function progCommand(
  kernel: Kernel,
  words: Words,
  print: (json: unknown, text: () => string) => void,
): void {
  if (words.done || words.take('show', 'list')) {
    const all = words.done
    const found = all ? finder(kernel).all() : selected(words, finder(kernel))
    words.end()
    const json = found.map(describe)
    print(!all && json.length === 1 ? json[0] : json, () => found.map(describeText).join('\n'))
    return
  }
  if (!words.take('dump')) throw new UsageError('prog: give show or dump')
  const kind = words.take('xlated', 'jited')
  if (kind === undefined) throw new UsageError('prog dump: give xlated or jited')
  const { program, info } = selectedOne(words, finder(kernel))
  const options: Record<keyof XlatedOptions, boolean> = { opcodes: false, linum: false }
  let file: string | undefined
  for (
    let word = words.take('file', 'opcodes', 'linum');
    word;
    word = words.take('file', 'opcodes', 'linum')
  ) {
    if (word === 'file') file = words.any('a file')
    else options[word as keyof XlatedOptions] = true
  }
  words.end()
  const code = program.code()
  const bytes = kind === 'xlated' ? code.xlated : code.jited
  if (bytes.length === 0) throw new RefusedError('EPERM', `prog ${info.id}: the kernel shows no ${kind} code`)
  if (file !== undefined) writeFileSync(file, bytes)
  else if (kind === 'jited') print({ id: info.id, jited: bytes }, () => bytesText(bytes))
  else {
    const listing = listXlated(kernel, info, code, options)
    print(listing.json, () => listing.text)
  }
}
