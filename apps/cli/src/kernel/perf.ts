import { readdirSync, readlinkSync } from 'node:fs'
import type { Kernel, PerfProgram } from '@skep/linux'
import { UsageError } from '../report.ts'
import type { Words } from './with-kernel.ts'

/** Descriptors that may have a program: of perf events, and of raw tracepoints. */
const mayHave = /^anon_inode:(\[perf_event\]|bpf-raw-tracepoint|\[bpf-raw-tracepoint\]|bpf_link)/

type Found = PerfProgram & { readonly pid: number; readonly fd: number }

function* descriptors(): Generator<{ pid: number; fd: number }> {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        if (mayHave.test(readlinkSync(`/proc/${pid}/fd/${fd}`))) yield { pid: Number(pid), fd: Number(fd) }
      }
    } catch {
      // The process or the descriptor is gone.
    }
  }
}

/** What bpftool calls the name by kind. */
const placeOf = ({ kind, name, offset, address }: PerfProgram): Record<string, string | bigint> => {
  if (kind.includes('tracepoint')) return { [kind === 'tracepoint' ? 'tracepoint' : 'tracepoint']: name }
  if (kind.startsWith('u')) return { filename: name, offset }
  return name === '' ? { addr: address, offset } : { func: name, offset }
}

/** `perf show`: programs on perf events and raw tracepoints of all processes. */
export function perfCommand(
  kernel: Kernel,
  words: Words,
  print: (json: unknown, text: () => string) => void,
): void {
  if (!words.done && !words.take('show', 'list')) throw new UsageError('perf: the word here is show')
  words.end()
  const found: Found[] = []
  for (const { pid, fd } of descriptors()) {
    const program = kernel.programOfDescriptor(pid, fd)
    if (program) found.push({ pid, fd, ...program })
  }
  const json = found.map((one) => ({
    pid: one.pid,
    fd: one.fd,
    prog_id: one.programId,
    fd_type: one.kind,
    ...placeOf(one),
  }))
  print(json, () =>
    found
      .map((one) => {
        const place = Object.entries(placeOf(one)).map(([name, value]) => `${name} ${value}`)
        return `pid ${one.pid}  fd ${one.fd}: prog_id ${one.programId}  ${one.kind}  ${place.join('  ')}`
      })
      .join('\n'),
  )
}
