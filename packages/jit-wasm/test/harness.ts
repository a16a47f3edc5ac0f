import { type Insn, parseAssembly } from '@skep/isa'
import { type Arena, type ArenaOptions, createArena } from '@skep/memory'
import {
  type ArgDesc,
  type Cpu,
  control,
  defineHelper,
  type HelperDef,
  type LinkedHelper,
  type LinkedMap,
  type LinkedProgram,
  type ProgramFacts,
  type StructContext,
} from '@skep/registry'
import { createThunks, type Thunk } from '@skep/wasm'

export interface TestCpu extends Cpu {
  /** A field of the control block. */
  ctl(field: number): number
  setCtl(field: number, value: number): void
  r0(): bigint
}

/** A CPU with a control block and a stack, over an arena of its own. */
export function createCpu(options: ArenaOptions = {}): TestCpu {
  const arena = createArena({ limit: 4 << 20, ...options })
  const table = new WebAssembly.Table({ initial: 1, element: 'anyfunc' })
  const block = arena.alloc(control.CTL_SIZE, 64)
  const stack = arena.alloc(control.STACK_SIZE, 64)
  const { u32 } = arena
  u32[(block + control.CTL_SP) >>> 2] = stack + control.STACK_SIZE
  u32[(block + control.CTL_STACK_END) >>> 2] = stack
  return {
    arena,
    table,
    control: block,
    index: 0,
    addFunction: (fn) => {
      const slot = table.grow(1)
      table.set(slot, fn)
      return slot
    },
    removeFunction: (slot) => table.set(slot, null),
    ctl: (field) => arena.u32[(block + field) >>> 2]!,
    setCtl: (field, value) => {
      arena.u32[(block + field) >>> 2] = value
    },
    r0: () => arena.view.getBigUint64(block + control.CTL_R0, true),
  }
}

/** Facts as weak as a verifier's can be: every slot is reached, and nothing else is known. */
export function weakFacts(insns: readonly Insn[], subprograms: readonly number[] = [0]): ProgramFacts {
  const count = insns.length
  return {
    reachable: new Uint8Array(count).fill(1),
    access: new Uint8Array(count),
    callMap: new Int32Array(count).fill(-1),
    callback: new Int32Array(count).fill(-1),
    flags: new Uint8Array(count),
    subprograms,
    stackDepth: subprograms.map(() => 512),
  }
}

export interface LinkOptions {
  readonly name?: string
  readonly helpers?: readonly LinkedHelper[]
  readonly maps?: readonly LinkedMap[]
  readonly context?: StructContext
  readonly facts?: Partial<ProgramFacts>
  /** By slot of the helper call: index of its map. */
  readonly callMaps?: Readonly<Record<number, number>>
  /** By name that the text has for a number: `map:counters`, replaced before assembling. */
  readonly symbols?: Readonly<Record<string, number | bigint>>
}

/** Links a program given as text or instructions. Subprograms are found from the calls. */
export function link(source: string | readonly Insn[], options: LinkOptions = {}): LinkedProgram {
  let text = source
  if (typeof text === 'string') {
    for (const [name, value] of Object.entries(options.symbols ?? {}))
      text = text.replaceAll(name, `${value}`)
  }
  const raw = typeof text === 'string' ? parseAssembly(text).insns : text
  const starts = new Set([0])
  const insns = raw.map((insn, slot): Insn => {
    if (insn.def.kind === 'call' && insn.def.callee === 'local') starts.add(slot + 1 + insn.imm)
    if (insn.def.kind !== 'ld_imm64' || insn.src !== 4) return insn
    const target = slot + 1 + insn.imm
    starts.add(target)
    return { ...insn, imm64: BigInt(target) }
  })
  const subprograms = [...starts].sort((a, b) => a - b)
  const facts = { ...weakFacts(insns, subprograms), ...options.facts }
  for (const [slot, map] of Object.entries(options.callMaps ?? {})) facts.callMap[Number(slot)] = map
  return {
    name: options.name ?? 'test',
    insns,
    subprograms,
    facts,
    helpers: new Map((options.helpers ?? []).map((helper) => [helper.def.id, helper])),
    maps: options.maps ?? [],
    ...(options.context ? { context: options.context } : {}),
  }
}

/** A helper implemented in JS whose arguments and result are whole registers. */
export function bigHelper(
  cpu: TestCpu,
  id: number,
  call: (r1: bigint, r2: bigint, r3: bigint, r4: bigint, r5: bigint) => bigint,
  def: Partial<HelperDef> = {},
): LinkedHelper {
  const { arena } = cpu
  const join = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
  const thunk: Thunk = {
    name: `helper_${id}`,
    params: ['i64', 'i64', 'i64', 'i64', 'i64'],
    result: 'i64',
    call: (...w) => {
      const r = BigInt.asUintN(
        64,
        call(
          join(w[0]!, w[1]!),
          join(w[2]!, w[3]!),
          join(w[4]!, w[5]!),
          join(w[6]!, w[7]!),
          join(w[8]!, w[9]!),
        ),
      )
      arena.u32[(cpu.control + control.CTL_RET_HI) >>> 2] = Number(r >> 32n)
      return Number(r & 0xffff_ffffn) | 0
    },
  }
  const type = arena.shared ? { initial: 0, maximum: 65536, shared: true } : { initial: 0 }
  const [fn] = createThunks([thunk], {
    high: { memory: arena.memory, type, address: cpu.control + control.CTL_RET_HI },
  })
  const args: ArgDesc[] = Array.from({ length: 5 }, () => ({ kind: 'anything' }))
  return {
    def: defineHelper({ name: `helper_${id}`, id, args, returns: { kind: 'integer' }, ...def }),
    fn: fn!,
    slot: cpu.addFunction(fn),
  }
}

/** Copies bytes into a new allocation and returns its address. */
export function place(arena: Arena, bytes: Uint8Array | number): number {
  const size = typeof bytes === 'number' ? bytes : bytes.length
  const address = arena.alloc(Math.max(size, 1), 16)
  if (typeof bytes !== 'number') arena.u8.set(bytes, address)
  return address
}
