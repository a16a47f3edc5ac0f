import { type Insn, parseAssembly } from '@skep/isa'
import type { Arena, ArenaOptions } from '@skep/memory'
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
import { createTestCpu, weakFacts, withSymbols } from '../../vm-interpreter/test/cpu.ts'

export interface TestCpu extends Cpu {
  /** A field of the control block. */
  ctl(field: number): number
  setCtl(field: number, value: number): void
  r0(): bigint
}

/** A CPU with a control block and a stack, over an arena of its own. */
export function createCpu(options: ArenaOptions = {}): TestCpu {
  const cpu = createTestCpu({ limit: 4 << 20, ...options })
  const { arena, control: block } = cpu
  return {
    ...cpu,
    ctl: (field) => arena.u32[(block + field) >>> 2]!,
    setCtl: (field, value) => {
      arena.u32[(block + field) >>> 2] = value
    },
    r0: () => arena.view.getBigUint64(block + control.CTL_R0, true),
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
  const raw = typeof source === 'string' ? parseAssembly(withSymbols(source, options.symbols)).insns : source
  const starts = new Set([0])
  const insns = raw.map((insn, slot): Insn => {
    if (insn.def.kind === 'call' && insn.def.callee === 'local') starts.add(slot + 1 + insn.imm)
    if (insn.def.kind !== 'ld_imm64' || insn.src !== 4) return insn
    const target = slot + 1 + insn.imm
    starts.add(target)
    return { ...insn, imm64: BigInt(target) }
  })
  const subprograms = [...starts].sort((a, b) => a - b)
  const facts = { ...weakFacts(insns.length, subprograms), ...options.facts }
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
