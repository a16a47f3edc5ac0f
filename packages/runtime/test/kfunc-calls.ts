import { assemble } from '@skep/isa'
import { isKernelAvailable, type Kernel } from '@skep/linux'
import {
  createDefaultPlatform,
  createRuntime,
  type MapSpec,
  type ProgramSpec,
  type Runtime,
  type RuntimeOptions,
} from '../src/index.ts'
import { program as plain, spec } from './hostile-tools.ts'

// Programs that call kernel functions by name, here and in the kernel.

const PSEUDO_KFUNC_CALL = 2
const CALL = 0x85
const LD_IMM64 = 0x18
const PSEUDO_MAP_FD = 1
/** "map" and a number. */
const MAP = 0x6d61_7000

const availability = await isKernelAvailable()
/** Why there is no kernel to compare with. */
export const missing: string | undefined = availability.ok ? undefined : availability.reason

/** Where a program calls kernel functions and names maps. */
interface Calls {
  readonly insns: Uint8Array
  readonly calls: readonly { readonly insn: number; readonly name: string }[]
  readonly maps: readonly { readonly insn: number; readonly map: number }[]
}

const platform = createDefaultPlatform()

/** `kcall NAME` calls a kernel function, `call NAME` a helper; `rN = map M` loads the address of the M-th map. */
function parse(source: string): Calls {
  const text = source
    .replace(/= map (\d)/g, (_, map) => `= 0x6d6170${map}0 ll`)
    .replace(/\bcall (bpf_\w+)/g, (_, name) => `call ${platform.helpers.byName(name)!.id}`)
  const names: string[] = []
  // Numbers that no helper has mark the places.
  const mark = 0x7000
  const insns = assemble(text.replace(/kcall (\w+)/g, (_, name) => `call ${mark + names.push(name) - 1}`))
  const view = new DataView(insns.buffer, insns.byteOffset)
  const calls: { insn: number; name: string }[] = []
  const maps: { insn: number; map: number }[] = []
  for (let at = 0; at < insns.length; at += 8) {
    const number = view.getInt32(at + 4, true)
    if (insns[at] === LD_IMM64 && (number & 0xffff_ff0f) === MAP) {
      insns[at + 1]! |= PSEUDO_MAP_FD << 4
      view.setInt32(at + 4, 0, true)
      maps.push({ insn: at / 8, map: (number >> 4) & 15 })
    }
    if (insns[at] !== CALL || number < mark || number >= mark + names.length) continue
    insns[at + 1] = PSEUDO_KFUNC_CALL << 4
    view.setInt32(at + 4, 0, true)
    calls.push({ insn: at / 8, name: names[number - mark]! })
  }
  return { insns, calls, maps }
}

/** A program of text with `kcall NAME`. */
export function kfuncProgram(text: string, more: Partial<ProgramSpec> = {}): ProgramSpec {
  const { insns, calls, maps } = parse(text)
  return plain('r0 = 0\nexit', {
    insns,
    references: [
      ...calls.map(({ insn, name }) => ({ insn, kind: 'kfunc' as const, name })),
      ...maps.map(({ insn, map }) => ({ insn, kind: 'map' as const, map: `m${map}` })),
    ],
    ...more,
  })
}

export interface Result {
  readonly retval: number
  readonly data: readonly number[]
}

export interface RunInput {
  readonly type?: string
  readonly data?: Uint8Array
  readonly ctx?: Uint8Array
  readonly flags?: number
  readonly maps?: readonly Pick<MapSpec, 'type' | 'keySize' | 'valueSize' | 'maxEntries'>[]
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
      maps.map((map, n) => ({ ...map, name: `m${n}` })),
    ),
  )
  const ran = loaded.program('p', type).testRun({ data, ...(input.ctx ? { ctx: input.ctx } : {}) })
  return { retval: ran.retval, data: [...(ran.data ?? [])] }
}

/** The same in the kernel. Throws the last lines of its log where it refuses the program. */
export function runThere(kernel: Kernel, text: string, input: RunInput): Result {
  const { insns, calls, maps: uses } = parse(text)
  const view = new DataView(insns.buffer, insns.byteOffset)
  for (const { insn, name } of calls) view.setInt32(insn * 8 + 4, kernel.vmlinux!.find('func', name)!, true)
  const { type = 'xdp', data = new Uint8Array(64), maps = [], flags = 0 } = input
  const made = maps.map((map) => kernel.createMap(map))
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
