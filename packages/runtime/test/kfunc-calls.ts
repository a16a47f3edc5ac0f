import { isKernelAvailable, type Kernel } from '@skep/linux'
import { createRuntime, type MapSpec, type Runtime, type RuntimeOptions } from '../src/index.ts'
import { spec } from './hostile-tools.ts'
import { kfuncProgram, parseCalls } from './kfunc-program.ts'

// Programs that call kernel functions by name, here and in the kernel.

const ZERO = new Uint8Array(4)
const availability = await isKernelAvailable()
/** Why there is no kernel to compare with. */
export const missing: string | undefined = availability.ok ? undefined : availability.reason

export interface Result {
  readonly retval: number
  readonly data: readonly number[]
}

export interface RunInput {
  readonly type?: string
  readonly data?: Uint8Array
  readonly ctx?: Uint8Array
  readonly flags?: number
  readonly maps?: readonly (Pick<MapSpec, 'type' | 'keySize' | 'valueSize' | 'maxEntries'> & {
    /** Element 0, as the host gives it here and to the kernel. */
    readonly first?: { readonly here: Uint8Array; readonly there: Uint8Array }
  })[]
}

/** Runs a program once, in a runtime that is made ready first. */
export async function runHere(
  text: string,
  input: RunInput,
  options: RuntimeOptions,
  prepare: (runtime: Runtime) => void = () => {},
): Promise<Result> {
  using runtime = await createRuntime(options)
  prepare(runtime)
  const { type = 'xdp', data = new Uint8Array(64), maps = [], flags } = input
  const made = kfuncProgram(text, { type, section: type, ...(flags === undefined ? {} : { flags }) })
  const loaded = await runtime.load(
    spec(
      [made],
      maps.map(({ first: _, ...map }, n) => ({ ...map, name: `m${n}` })),
    ),
  )
  for (const [n, { first }] of maps.entries()) if (first) loaded.map(`m${n}`).update(ZERO, first.here)
  const ran = loaded.program('p', type).testRun({ data, ...(input.ctx ? { ctx: input.ctx } : {}) })
  return { retval: ran.retval, data: [...(ran.data ?? [])] }
}

/** The same in the kernel. Throws the last lines of its log where it refuses the program. */
export function runThere(kernel: Kernel, text: string, input: RunInput): Result {
  const { insns, calls, maps: uses } = parseCalls(text)
  const view = new DataView(insns.buffer, insns.byteOffset)
  for (const { insn, name } of calls) view.setInt32(insn * 8 + 4, kernel.vmlinux!.find('func', name)!, true)
  const { type = 'xdp', data = new Uint8Array(64), maps = [], flags = 0 } = input
  const made = maps.map(({ first, ...shape }) => {
    const map = kernel.createMap(shape)
    if (first) map.update(ZERO, first.there)
    return map
  })
  for (const { insn, map } of uses) view.setInt32(insn * 8 + 4, made[map]!.fd, true)
  const loaded = kernel.loadProgram({ type, insns, flags, logLevel: 1 })
  for (const map of made) map.close()
  if (!loaded.ok) throw new Error(`${loaded.errno}: ${loaded.log.trim().split('\n').slice(-3).join(' | ')}`)
  try {
    const ran = loaded.testRun({
      ...(data.length > 0 ? { dataIn: data } : {}),
      ...(input.ctx ? { ctxIn: input.ctx } : {}),
    })
    return { retval: ran.retval, data: [...ran.dataOut] }
  } finally {
    loaded.close()
  }
}
