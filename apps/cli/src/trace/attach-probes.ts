import { createRequire, syncBuiltinESMExports } from 'node:module'
import { pathToFileURL } from 'node:url'
import {
  attachKprobeMulti,
  frameAt,
  type KprobeLink,
  type KprobeMultiOptions,
  type ProbeLink,
  resolvePath,
} from '@skep/hook-kprobe'
import { attachPerfEvent, attachTracepoint, attachUsdt } from '@skep/hook-kprobe/node'
import type { Collection } from '@skep/runtime'
import { UsageError } from '../report.ts'
import { importModule } from '../starter.ts'
import type { Generated } from './generate.ts'

/** What is attached, and the names of the functions by their addresses. */
export interface Attached {
  readonly links: readonly ProbeLink[]
  /** The name of a function or a stack's frame. */
  nameOf(address: bigint): string
  close(): void
}

export interface AttachOptions {
  /** The script: modules are those that it would get. */
  readonly script: string
  /** Returns of promises are when they are settled. */
  readonly settlement?: boolean
}

/** Attaches programs to what their probes name. Throws KprobeAttachError and UsageError; then nothing is attached. */
export async function attachProbes(
  collection: Collection,
  probes: readonly Generated[],
  options: AttachOptions,
): Promise<Attached> {
  const links: ProbeLink[] = []
  const names = new Map<bigint, string>()
  const close = (): void => {
    for (const link of links.splice(0)) link.close()
    syncBuiltinESMExports()
  }
  try {
    for (const one of probes) {
      const link = await attachOne(collection, one, options)
      links.push(link)
      for (const { address, name } of (link as Partial<KprobeLink>).functions ?? []) names.set(address, name)
    }
  } catch (error) {
    close()
    throw error
  }
  // Of Node's own modules, what scripts import by name is a copy.
  syncBuiltinESMExports()
  return {
    links,
    close,
    nameOf: (address) => names.get(address) ?? frameName(address),
  }
}

/** A frame with its place: functions of one name are many. */
function frameName(address: bigint): string {
  const frame = frameAt(address)
  if (!frame) return `0x${address.toString(16)}`
  const { file, line, name } = frame
  return file ? `${name} ${file.slice(file.lastIndexOf('/') + 1)}:${line}` : name
}

async function attachOne(
  collection: Collection,
  { index, paths, probe, program }: Generated,
  { script, settlement }: AttachOptions,
): Promise<ProbeLink> {
  const cookie = BigInt(index)
  switch (probe.kind) {
    case 'profile':
      return attachPerfEvent(collection.program(program, 'perf_event'), {
        frequency: Number(probe.target),
        cookie,
      })
    case 'tracepoint':
      return attachTracepoint(collection.program(program, 'tracepoint'), probe.target, { cookie })
    case 'usdt':
      return attachUsdt(collection.program(program, 'kprobe'), probe.target, {
        cookie,
        args: (...values) => paths.map((path) => follow(values, path)),
      })
    default: {
      const module = await loadModule(probe.module, script)
      const { target, name } = resolvePath(module, probe.target)
      const multi: KprobeMultiOptions = {
        cookies: () => cookie,
        retprobe: probe.kind === 'kretprobe',
        ...(settlement ? { at: 'settlement' } : {}),
        ...argumentsOf(paths),
      }
      const pattern = /[*?]/.test(name) ? name : [name]
      const { retprobe, ...session } = multi
      return attachKprobeMulti(
        collection.program(program, 'kprobe'),
        target,
        pattern,
        probe.kind === 'session' ? session : multi,
      )
    }
  }
}

/** arg0, arg1 and so on as they come cost the host nothing; other paths are followed for each call. */
function argumentsOf(paths: readonly (readonly string[])[]): Pick<KprobeMultiOptions, 'args'> {
  if (paths.every((path, n) => path.length === 1 && path[0] === `arg${n}`)) return { args: paths.length }
  return { args: (_, args) => paths.map((path) => follow(args, path)) }
}

function follow(args: readonly unknown[], [first, ...rest]: readonly string[]): unknown {
  let value = args[Number(first!.slice('arg'.length))]
  for (const name of rest) value = (value as Record<string, unknown> | null | undefined)?.[name]
  return value
}

/** A module as the script would get it: Node's own, a package, or a file beside it. */
async function loadModule(name: string, script: string): Promise<object> {
  const require = createRequire(pathToFileURL(script))
  try {
    return asObject(require(name))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ERR_REQUIRE_ESM' || code === 'ERR_REQUIRE_ASYNC_MODULE')
      return importModule(pathToFileURL(require.resolve(name)).href)
    if (code === 'MODULE_NOT_FOUND')
      throw new UsageError(
        `no module ${name} for ${script}; name one of Node's, a package, or a file as ./lib.js`,
      )
    throw error
  }
}

const asObject = (module: unknown): object =>
  typeof module === 'function' || (typeof module === 'object' && module !== null)
    ? module
    : { default: module }
