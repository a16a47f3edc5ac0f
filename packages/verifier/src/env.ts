import type { Btf } from '@skep/btf'
import type { ErrnoName, HelperDef, HelperUser, LineInfo, Platform, ProgramTypeDef } from '@skep/registry'
import type { AttachTarget } from './attach-target.ts'
import { Reject } from './errors.ts'
import { FactCollector } from './facts.ts'
import type { Heap } from './heap.ts'
import { FIRST_MAP_BTF, KERNEL_BTF, KernelTypes, PROGRAM_BTF } from './kernel-btf.ts'
import { REG_AUX0, REG_AUX1, REG_SIZE } from './layout.ts'
import { Log } from './log.ts'
import { hasField, type MapTable, type VerifierMap } from './maps.ts'
import type { ParamType } from './params.ts'
import { Backtrack, concernedRegs } from './precision.ts'
import type { Program } from './program.ts'
import type { ScalarDomain } from './scalar/index.ts'
import type { SccVisit } from './scc.ts'
import type { StackLiveness } from './stack-liveness.ts'
import type { State, StatePool } from './state.ts'

/** What the loader of the program may do, and how the program is walked. */
export interface Privileges {
  /** Instructions walked at most. */
  readonly complexityLimit: number
  /** Milliseconds at most. */
  readonly timeLimit: number
  /** When they are over, by performance.now(). */
  readonly deadline: number
  /**
   * CAP_PERFMON: pointers may be seen as numbers, uninitialised stack may be read, no sanitation for speculation.
   * CAP_BPF is taken for granted.
   */
  readonly perfmon: boolean
  readonly strictAlignment: boolean
  /** BPF_F_TEST_STATE_FREQ: a checkpoint at every prune point. */
  readonly testStateFreq: boolean
  /** BPF_F_TEST_REG_INVARIANTS: bounds that contradict themselves refuse the program. */
  readonly testRegInvariants: boolean
  readonly sleepable: boolean
  readonly gplCompatible: boolean
  /** CPUs of the machine that the program is for. */
  readonly cpus: number
}

/** A subprogram: the main program is the first. */
export interface Subprog {
  readonly start: number
  /** One past the last slot. */
  end: number
  /** Bytes of stack used. */
  stackDepth: number
  hasTailCall: boolean
  hasLdAbs: boolean
  isCallback: boolean
  isAsyncCallback: boolean
  isExceptionCallback: boolean
  changesPacketData: boolean
  mightSleep: boolean
  /** Where its instructions begin in `postorder`. */
  postorderStart: number
  // From BTF.
  name: string
  /** BTF id of the function, 0 without. */
  typeId: number
  global: boolean
  called: boolean
  verified: boolean
  /** Its BTF does not say what it really takes. */
  unreliable: boolean
  params: readonly ParamType[] | undefined
}

/** A state waiting to be explored. */
export interface Pending {
  readonly state: State
  readonly insn: number
  readonly prevInsn: number
  readonly logPosition: number
}

/** One verification: the program, what was found out about each instruction, and where the walk is. */
export class Env {
  readonly heap: Heap
  readonly domain: ScalarDomain
  readonly pool: StatePool
  readonly platform: Platform
  readonly program: Program
  readonly type: ProgramTypeDef
  /** Name of the attach type, where the program type knows it. */
  readonly attachType: string | undefined
  readonly maps: MapTable
  readonly btf: Btf | undefined
  /** Types of the kernel that the program is for, where they are given. */
  readonly kernel: KernelTypes | undefined
  /** Types of kernel functions: that kernel's, else what the platform declares. */
  readonly kfuncTypes: KernelTypes
  /** Types of the program's own BTF. */
  readonly local: KernelTypes | undefined
  /** Those of maps that have another BTF than the program. */
  readonly #mapTypes: KernelTypes[] = []
  readonly privileges: Privileges
  readonly log: Log
  readonly facts: FactCollector
  readonly allowPtrLeaks: boolean
  readonly allowUninitStack: boolean
  readonly bypassSpec: boolean

  // By instruction.
  readonly prunePoint: Uint8Array
  readonly jumpPoint: Uint8Array
  readonly forceCheckpoint: Uint8Array
  readonly callsCallback: Uint8Array
  readonly isIterNext: Uint8Array
  readonly scc: Int32Array
  readonly liveRegs: Uint16Array
  readonly concernedRegs: Int32Array
  /** Kind of pointer that a load or store used on the paths so far. */
  readonly pointerType: Int32Array
  readonly nospec: Uint8Array
  readonly nospecResult: Uint8Array
  readonly aluState: Int32Array
  readonly aluLimit: Int32Array
  /** Index of the map that an ld_imm64 refers to. */
  readonly mapIndex: Int32Array
  readonly mapOffset: Int32Array

  /** Helpers as this program has them, by id. */
  readonly helpers: Map<number, HelperDef | undefined> = new Map()
  /** This program as the rules of helpers know it. */
  readonly helperUser: HelperUser
  readonly subprogs: Subprog[] = []
  postorder: Int32Array = new Int32Array(0)
  exploredStates: State[][] = []
  sccVisits: SccVisit[][] = []
  /** Numbers in `scc` below it are loops made by jumps, the others by callbacks. */
  loopCount = 0
  liveness!: StackLiveness
  readonly backtrack: Backtrack = new Backtrack()
  usedMaps = 0
  arenaMap = -1
  attachTarget: AttachTarget | undefined
  /** Names that have an address in the kernel, where they are given; all that its BTF has, otherwise. */
  symbols: () => ReadonlySet<string> | undefined = () => undefined

  // The walk.
  cur!: State
  /** Address of the current function's registers. */
  regs = 0
  insn = 0
  prevInsn = 0
  idGen = 0
  /** This instruction's entry in the jump history, or -1. */
  historyEntry = 0
  readonly pending: Pending[] = []
  insnProcessed = 0
  jumpsProcessed = 0
  prevJumpsProcessed = 0
  prevInsnProcessed = 0
  maxStatesPerInsn = 0
  totalStates = 0
  peakStates = 0
  exploredCount = 0
  freeListCount = 0
  backedgeCount = 0
  exploreAluLimits = false
  /** The subprogram that handles exceptions, -1 for none. */
  exceptionCallback = -1
  prevLine: LineInfo | undefined

  constructor(parts: {
    heap: Heap
    domain: ScalarDomain
    pool: StatePool
    platform: Platform
    program: Program
    type: ProgramTypeDef
    attachType: string | undefined
    maps: MapTable
    btf: Btf | undefined
    kernel: KernelTypes | undefined
    kfuncTypes: KernelTypes
    privileges: Privileges
    logLevel: number
    logLimit: number
  }) {
    this.heap = parts.heap
    this.domain = parts.domain
    this.pool = parts.pool
    this.platform = parts.platform
    this.program = parts.program
    this.type = parts.type
    this.attachType = parts.attachType
    this.maps = parts.maps
    this.btf = parts.btf
    this.kernel = parts.kernel
    this.kfuncTypes = parts.kfuncTypes
    this.local = parts.btf && new KernelTypes(parts.btf)
    this.privileges = parts.privileges
    this.allowPtrLeaks = parts.privileges.perfmon
    this.allowUninitStack = parts.privileges.perfmon
    this.bypassSpec = parts.privileges.perfmon
    this.log = new Log(parts.logLevel, parts.logLimit)
    this.helperUser = {
      programType: parts.type.name,
      attachType: parts.attachType,
      attachTo: parts.program.spec.attachTo,
      bpf: true,
      perfmon: parts.privileges.perfmon,
    }
    const n = parts.program.length
    this.facts = new FactCollector(n)
    this.prunePoint = new Uint8Array(n)
    this.jumpPoint = new Uint8Array(n)
    this.forceCheckpoint = new Uint8Array(n)
    this.callsCallback = new Uint8Array(n)
    this.isIterNext = new Uint8Array(n)
    this.scc = new Int32Array(n)
    this.liveRegs = new Uint16Array(n)
    this.concernedRegs = concernedRegs(parts.program)
    this.pointerType = new Int32Array(n)
    this.nospec = new Uint8Array(n)
    this.nospecResult = new Uint8Array(n)
    this.aluState = new Int32Array(n)
    this.aluLimit = new Int32Array(n)
    this.mapIndex = new Int32Array(n).fill(-1)
    this.mapOffset = new Int32Array(n)
  }

  /** Address of a register of the current function. */
  reg(n: number): number {
    return this.regs + n * REG_SIZE
  }

  /** Points `regs` at the current function: after a call, a return, or a change of state. */
  enterFrame(): void {
    this.regs = this.cur.frames[this.cur.curframe]!.address
  }

  get inSleepable(): boolean {
    return this.cur.inSleepable
  }

  /** Non-sleepable programs and RCU sections may follow RCU pointers. */
  get inRcuSection(): boolean {
    return this.cur.activeRcuLocks > 0 || this.cur.activeLocks > 0 || !this.inSleepable
  }

  /** The number of the subprogram that a slot lies in. */
  findSubprog(insn: number): number {
    const { subprogs } = this
    let low = 0
    let high = subprogs.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (subprogs[middle]!.start <= insn) low = middle
      else high = middle
    }
    return low
  }

  /** The subprogram that a slot lies in. */
  containingSubprog(insn: number): Subprog {
    return this.subprogs[this.findSubprog(insn)]!
  }

  /** The BTF of the program's functions, where every function has some. */
  get funcBtf(): Btf | undefined {
    return this.program.functions.length > 0 ? this.btf : undefined
  }

  get hasFuncInfo(): boolean {
    return this.funcBtf !== undefined
  }

  /** Name of a type that a register record refers to: of the program's BTF, or of the kernel's. */
  btfName(btf: number, id: number): string {
    return this.typesOf(btf)?.btf.name(id) ?? ''
  }

  /** The types of the BTF that register records know by a number. */
  typesOf(btf: number): KernelTypes | undefined {
    if (btf === KERNEL_BTF) return this.kfuncTypes
    if (btf === PROGRAM_BTF) return this.local
    return this.#mapTypes[btf - FIRST_MAP_BTF]
  }

  /** The number of a BTF that is not the kernel's. */
  btfNumber(btf: Btf): number {
    if (btf === this.btf) return PROGRAM_BTF
    const known = this.#mapTypes.findIndex((types) => types.btf === btf)
    return FIRST_MAP_BTF + (known >= 0 ? known : this.#mapTypes.push(new KernelTypes(btf)) - 1)
  }

  /** Makes a record refer to a map; `uid` tells inner maps with timers apart. */
  setMap(reg: number, map: VerifierMap, uid: number): void {
    // Index 0 is no map: pointers that never had one must differ.
    this.heap.i32[(reg + REG_AUX0) >> 2] = map.index + 1
    this.heap.i32[(reg + REG_AUX1) >> 2] = hasField(map, 'bpf_timer', 'bpf_wq', 'bpf_task_work') ? uid : 0
  }

  /** Refuses with a reason whose lines are in the log already. */
  failPrinted(errno: ErrnoName, line: string): never {
    throw new Reject(errno, [line], undefined, true)
  }

  updatePeakStates(): void {
    const now = this.exploredCount + this.freeListCount + this.backedgeCount
    if (now > this.peakStates) this.peakStates = now
  }
}
