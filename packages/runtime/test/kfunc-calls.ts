import { assemble } from '@skep/isa'
import { isKernelAvailable, type Kernel } from '@skep/linux'
import { createRuntime, type ProgramSpec, type RuntimeOptions } from '../src/index.ts'
import { program as plain, spec } from './hostile-tools.ts'

// Programs that call kernel functions by name, here and in the kernel.

const PSEUDO_KFUNC_CALL = 2
const CALL = 0x85

const availability = await isKernelAvailable()
/** Why there is no kernel to compare with. */
export const missing: string | undefined = availability.ok ? undefined : availability.reason

/** Where a program calls kernel functions. */
interface Calls {
  readonly insns: Uint8Array
  readonly calls: readonly { readonly insn: number; readonly name: string }[]
}

/** `kcall NAME` calls a kernel function. */
function parse(text: string): Calls {
  const names: string[] = []
  // Numbers that no helper has mark the places.
  const mark = 0x7000
  const insns = assemble(text.replace(/kcall (\w+)/g, (_, name) => `call ${mark + names.push(name) - 1}`))
  const view = new DataView(insns.buffer, insns.byteOffset)
  const calls: { insn: number; name: string }[] = []
  for (let at = 0; at < insns.length; at += 8) {
    const number = view.getInt32(at + 4, true)
    if (insns[at] !== CALL || number < mark || number >= mark + names.length) continue
    insns[at + 1] = PSEUDO_KFUNC_CALL << 4
    view.setInt32(at + 4, 0, true)
    calls.push({ insn: at / 8, name: names[number - mark]! })
  }
  return { insns, calls }
}

/** A program of text with `kcall NAME`. */
export function kfuncProgram(text: string, more: Partial<ProgramSpec> = {}): ProgramSpec {
  const { insns, calls } = parse(text)
  return plain('r0 = 0\nexit', {
    insns,
    references: calls.map(({ insn, name }) => ({ insn, kind: 'kfunc' as const, name })),
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
}

/** Runs a program once. */
export async function runHere(text: string, input: RunInput, options: RuntimeOptions): Promise<Result> {
  using runtime = await createRuntime(options)
  const { type = 'xdp', data = new Uint8Array(64) } = input
  const loaded = await runtime.load(spec([kfuncProgram(text, { type, section: type })]))
  const ran = loaded.program('p', type).testRun({ data, ...(input.ctx ? { ctx: input.ctx } : {}) })
  return { retval: ran.retval, data: [...(ran.data ?? [])] }
}

/** The same in the kernel. Throws the last lines of its log where it refuses the program. */
export function runThere(kernel: Kernel, text: string, input: RunInput): Result {
  const { insns, calls } = parse(text)
  const view = new DataView(insns.buffer, insns.byteOffset)
  for (const { insn, name } of calls) view.setInt32(insn * 8 + 4, kernel.vmlinux!.find('func', name)!, true)
  const { type = 'xdp', data = new Uint8Array(64) } = input
  const loaded = kernel.loadProgram({ type, insns, logLevel: 1 })
  if (!loaded.ok) throw new Error(`${loaded.errno}: ${loaded.log.trim().split('\n').slice(-3).join(' | ')}`)
  try {
    const ran = loaded.testRun({ dataIn: data, ...(input.ctx ? { ctxIn: input.ctx } : {}) })
    return { retval: ran.retval, data: [...ran.dataOut] }
  } finally {
    loaded.close()
  }
}
