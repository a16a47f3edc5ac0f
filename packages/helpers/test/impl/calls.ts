import { encode, type Insn, insn } from '@skep/isa'
import { isKernelAvailable, type Kernel, type KernelMap } from '@skep/linux'
import { prototypes } from '../../src/proto/index.ts'
import type { World } from './world.ts'

const availability = await isKernelAvailable()
/** Why tests that need the kernel are skipped; undefined where they run. */
export const missing: string | undefined = availability.ok ? undefined : availability.reason
export const named = (name: string): string => (missing ? `${name} (skipped: ${missing})` : name)

/** An argument: a number, or an address in the writable or in the read-only memory of the call. */
export type Argument = number | bigint | { readonly at: number } | { readonly text: number }

/** One call of a helper over some memory. */
export interface Call {
  readonly helper: string
  readonly args: readonly Argument[]
  /** Bytes that the helper may write. */
  readonly memory: Uint8Array
  /** Bytes of a frozen, read-only map: constant strings. */
  readonly text?: Uint8Array
  /** Where in `memory` to put addresses of other parts of it, before the call. */
  readonly pointers?: readonly { readonly at: number; readonly to: number }[]
}

export interface Outcome {
  readonly r0: bigint
  readonly memory: Uint8Array
}

const idOf = (helper: string): number => prototypes.find((p) => p.name === helper)!.id

/** Performs a call here. */
export function callHere(world: World, { helper, args, memory, text, pointers = [] }: Call): Outcome {
  const { arena } = world
  const block = arena.alloc(memory.length)
  const constant = text ? arena.alloc(text.length) : 0
  arena.u8.set(memory, block)
  if (text) arena.u8.set(text, constant)
  for (const { at, to } of pointers) arena.view.setBigUint64(block + at, BigInt(block + to), true)
  const r0 = world.call(
    helper,
    ...args.map((a) => (typeof a === 'object' ? ('at' in a ? block + a.at : constant + a.text) : a)),
  )
  const after = arena.u8.slice(block, block + memory.length)
  arena.free(block)
  if (text) arena.free(constant)
  return { r0, memory: after }
}

const BPF_F_RDONLY_PROG = 0x80
const zero = new Uint8Array(4)

/** Performs a call in the kernel, by a test run. A string where it refuses the program: the last lines of the log. */
export function callThere(kernel: Kernel, type: string, call: Call): Outcome | string {
  const { helper, args, memory, text, pointers = [] } = call
  using map = kernel.createMap({
    type: 'array',
    keySize: 4,
    valueSize: memory.length + 8,
    maxEntries: 1,
  })
  map.update(zero, Uint8Array.from([...memory, ...new Uint8Array(8)]))
  let constant: KernelMap | undefined
  if (text) {
    constant = kernel.createMap({
      type: 'array',
      keySize: 4,
      valueSize: text.length,
      maxEntries: 1,
      flags: BPF_F_RDONLY_PROG,
    })
    constant.update(zero, text)
    constant.freeze()
  }
  try {
    // A value's address: BPF_PSEUDO_MAP_VALUE, fd in the low half, offset in the high.
    const value = (register: number, of: KernelMap, offset: number): Insn[] =>
      insn.ld_imm64(register, (BigInt(offset) << 32n) | BigInt(of.fd), 2)
    const program = [
      ...pointers.flatMap(({ at, to }) => [...value(1, map, to), ...value(2, map, at), insn.stx_dw(2, 1, 0)]),
      ...args.flatMap((a, n) => {
        if (typeof a !== 'object') return insn.ld_imm64(n + 1, a)
        return 'at' in a ? value(n + 1, map, a.at) : value(n + 1, constant!, a.text)
      }),
      insn.call_helper(idOf(helper)),
      ...value(1, map, memory.length),
      insn.stx_dw(1, 0, 0),
      insn.mov64_imm(0, 0),
      insn.exit(),
    ]
    const loaded = kernel.loadProgram({ type, insns: encode(program), logLevel: 1 })
    if (!loaded.ok) return `${loaded.errno}: ${loaded.log.trim().split('\n').slice(-2).join(' ')}`
    loaded.testRun({ dataIn: new Uint8Array(64) })
    loaded.close()
    const after = map.lookup(zero)!
    return {
      r0: new DataView(after.buffer).getBigUint64(memory.length, true),
      memory: after.slice(0, memory.length),
    }
  } finally {
    constant?.close()
  }
}
