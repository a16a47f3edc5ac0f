import { BtfError, parseBtf } from '@skep/btf'
import {
  attachTypeName,
  type LineInfo,
  type MapSpec,
  type Platform,
  type ProgramFacts,
  type ProgramSpec,
} from '@skep/registry'
import { findAttachTarget, withFullTarget } from './attach-target.ts'
import { checkCfg } from './cfg.ts'
import { Env, type Privileges } from './env.ts'
import { fail, Reject } from './errors.ts'
import type { Explanation } from './explain/explanation.ts'
import { checkFuncInfo, linkFuncInfo } from './func-info.ts'
import { Heap } from './heap.ts'
import { KernelTypes } from './kernel-btf.ts'
import { describedKernel } from './kfunc/described-kernel.ts'
import { BPF_COMPLEXITY_LIMIT_INSNS } from './limits.ts'
import { computeLiveRegisters } from './live-regs.ts'
import { DEFAULT_LOG_LIMIT } from './log.ts'
import { MapTable } from './maps.ts'
import { decodeProgram, findLine } from './program.ts'
import { type RefusalCode, refusalCode, type UNCLASSIFIED } from './refusals/table.ts'
import { markUnknown } from './regs.ts'
import { resolveLdImm64 } from './resolve.ts'
import { compileScalarModule, instantiateScalarDomain, type ScalarDomain } from './scalar/index.ts'
import { computeScc } from './scc.ts'
import { SCRATCH_BYTES, UNBOUND_REG } from './scratch.ts'
import { checkMaxStackDepth } from './stack-depth.ts'
import { StackLiveness } from './stack-liveness.ts'
import { StatePool } from './state.ts'
import { printStats } from './stats.ts'
import { checkFunctionAddresses, checkSubprogs, checkUnresolvedCalls, findSubprogs } from './subprogs.ts'
import { computePostorder } from './successors.ts'
import { verdictKey } from './verdict-key.ts'
import { walkSubprog } from './walk.ts'

const BPF_F_STRICT_ALIGNMENT = 1
const BPF_F_ANY_ALIGNMENT = 2
const BPF_F_TEST_STATE_FREQ = 8
const BPF_F_SLEEPABLE = 16
const BPF_F_TEST_REG_INVARIANTS = 128

export interface VerifierOptions {
  /** Instructions walked before a program is refused; 1,000,000 when absent, as the kernel. */
  readonly complexityLimit?: number
  /** Bytes of memory for the states of one program; 512 MiB when absent. */
  readonly memoryLimit?: number
  /** Milliseconds that one verification may take; no limit when absent. */
  readonly timeLimit?: number
  /** Characters of a log that are kept, the last ones, as in the kernel's log buffer; 16 MiB when absent. */
  readonly logLimit?: number
  /** CPUs of the machine that programs are for; 1 when absent. */
  readonly cpus?: number
  /**
   * Raw BTF of the kernel that programs are for (/sys/kernel/btf/vmlinux): it types the contexts of tracepoints and iterators
   * and the kernel structs that programs read. Without it such programs are refused.
   */
  readonly kernelBtf?: Uint8Array
  /**
   * The names that have an address in that kernel, asked for once, when a program refers to one (`parseKallsyms` of
   * /proc/kallsyms). All that its BTF has, when unknown; kernels without CONFIG_KALLSYMS_ALL have none for variables.
   */
  readonly kernelSymbols?: () => ReadonlySet<string> | undefined
}

export interface VerifyInput {
  readonly program: ProgramSpec
  /** The maps that the program's references name. */
  readonly maps: readonly MapSpec[]
  /** Raw BTF of the program's collection. */
  readonly btf?: Uint8Array
  /**
   * As the kernel's log_level: 1 the path that fails, 2 every path, 4 (alone or with them) the stack depth and the counts.
   * At 0 nothing is formatted; a refusal's `log()` then walks the program again, at level 1.
   */
  readonly logLevel?: number
  /** Verify as for a loader without CAP_PERFMON. */
  readonly unprivileged?: boolean
}

/** The counts of the log's last line. */
export interface VerifyStats {
  readonly totalStates: number
  readonly peakStates: number
  readonly maxStatesPerInsn: number
  /** Most bytes that registers and stacks of states took at one time. */
  readonly stateBytes: number
}

export interface Acceptance {
  readonly verdict: 'accept'
  readonly facts: ProgramFacts
  /** Instructions walked. */
  readonly processed: number
  readonly stats: VerifyStats
  readonly log: () => string
}

export interface Rejection {
  readonly verdict: 'reject'
  /** The kind of refusal, stable; each has a page in docs/reference/refusals. */
  readonly code: RefusalCode | typeof UNCLASSIFIED
  /** As the kernel's: `EACCES`. */
  readonly errno: string
  /** The line of the log that says why, in the kernel's words. */
  readonly line: string
  /** Slot of the instruction at fault. */
  readonly insn: number
  /** Where that is in the source, when the program has line information. */
  readonly source?: LineInfo
  /** The register at fault, where there is one. */
  readonly register?: number
  readonly processed: number
  readonly stats: VerifyStats
  readonly log: () => string
  /**
   * The refusal for people: what it means, how the program came to it, what mends it. Loads what that takes
   * and walks the program twice more. Render it with `renderExplanation`.
   */
  readonly explain: () => Promise<Explanation>
}

export type Verdict = Acceptance | Rejection

/** Judges programs as Linux 6.18 does, by the helpers, maps and program types of one platform. */
export interface Verifier {
  readonly platform: Platform
  /** Synchronous. Never throws for a program, however bad. */
  verify(input: VerifyInput): Verdict
  /**
   * Texts and bytes that say all that the verdict of `input` depends on, for caches: the same ones, the same verdict.
   * Undefined where that cannot be told.
   */
  key?(input: VerifyInput): readonly (string | Uint8Array)[] | undefined
}

/** A verifier for a platform. Its memory is reused from program to program. Throws BtfError for a bad `kernelBtf`. */
export async function createVerifier(platform: Platform, options: VerifierOptions = {}): Promise<Verifier> {
  const module = await compileScalarModule()
  return new KernelVerifier(platform, options, module)
}

const NO_STATS: VerifyStats = { totalStates: 0, peakStates: 0, maxStatesPerInsn: 0, stateBytes: 0 }

function once<T>(get: () => T): () => T {
  let value: { readonly got: T } | undefined
  return () => {
    value ??= { got: get() }
    return value.got
  }
}

class KernelVerifier implements Verifier {
  readonly platform: Platform
  readonly #options: VerifierOptions
  readonly #heap: Heap
  readonly #domain: ScalarDomain
  readonly #pool: StatePool
  readonly #kernel: KernelTypes | undefined
  readonly #symbols: () => ReadonlySet<string> | undefined

  constructor(platform: Platform, options: VerifierOptions, module: WebAssembly.Module) {
    this.platform = platform
    this.#options = options
    this.#heap = new Heap(SCRATCH_BYTES, options.memoryLimit ?? 512 * 2 ** 20)
    this.#domain = instantiateScalarDomain(module, this.#heap.memory)
    this.#pool = new StatePool(this.#heap, this.#domain)
    this.#symbols = once(options.kernelSymbols ?? (() => undefined))
    this.#kernel = options.kernelBtf && new KernelTypes(parseBtf(options.kernelBtf))
  }

  verify(input: VerifyInput): Verdict {
    const verdict = this.#judge(input)
    if (verdict.verdict === 'accept') return verdict
    // Most programs are accepted, so that what explains is loaded by who asks.
    const explain = once(async (): Promise<Explanation> => {
      const { explainRefusal } = await import('./explain/explanation.ts')
      return explainRefusal(verdict, (observe) => {
        this.#judge({ ...input, logLevel: 0 }, observe)
      })
    })
    if (input.logLevel) return { ...verdict, explain }
    // Nobody asked for the log before the program was refused: it is walked again for it.
    let log: string | undefined
    return {
      ...verdict,
      explain,
      log: () => {
        log ??= this.#judge({ ...input, logLevel: 1 }).log()
        return log
      },
    }
  }

  key(input: VerifyInput): readonly (string | Uint8Array)[] | undefined {
    return verdictKey(this.platform, this.#options, input)
  }

  #judge(input: VerifyInput, observe?: (env: Env) => void): Acceptance | Refused {
    const { program } = input
    const type = this.platform.programTypes.get(program.type)
    const length = program.insns.length >> 3
    if (type && length === 0) return refusal('E2BIG', 'a program needs whole instructions')
    if (!type || program.insns.length % 8 !== 0) {
      return refusal(
        'EINVAL',
        type ? 'a program needs whole instructions' : `no program type ${program.type}`,
      )
    }
    if (type.perfmon && input.unprivileged) {
      return refusal('EPERM', `only loaders with CAP_PERFMON load programs of type ${type.name}`)
    }
    const attachType = attachTypeName(type, program.attachType)
    if (attachType === false) {
      return refusal('EINVAL', `program type ${type.name} has no attach type ${program.attachType}`)
    }
    this.#heap.begin()
    this.#pool.reset()
    let env: Env
    try {
      const btf = input.btf ? parseBtf(input.btf) : undefined
      env = new Env({
        heap: this.#heap,
        domain: this.#domain,
        pool: this.#pool,
        platform: this.platform,
        program: decodeProgram(withFullTarget(program, type)),
        type,
        attachType,
        maps: new MapTable(input.maps, this.platform, btf),
        btf,
        kernel: this.#kernel,
        kfuncTypes: this.#kernel ?? describedKernel(this.platform),
        privileges: privilegesOf(input, this.#options),
        logLevel: input.logLevel ?? 0,
        logLimit: this.#options.logLimit ?? DEFAULT_LOG_LIMIT,
      })
    } catch (error) {
      if (error instanceof BtfError) return refusal('EINVAL', `the BTF cannot be used: ${error.message}`)
      return refusal('EINVAL', error instanceof Reject ? error.message : `invalid input: ${String(error)}`)
    }
    env.symbols = this.#symbols
    markUnknown(env, UNBOUND_REG)
    observe?.(env)
    try {
      check(env)
    } catch (error) {
      return rejection(env, error)
    }
    printStats(env, true)
    return {
      verdict: 'accept',
      facts: {
        ...env.facts.finish(
          env.subprogs.map((s) => s.start),
          env.subprogs.map((s) => s.stackDepth),
        ),
        ...(env.exceptionCallback > 0
          ? { exceptionCallback: env.subprogs[env.exceptionCallback]!.start }
          : {}),
      },
      processed: env.insnProcessed,
      stats: statsOf(env),
      log: env.log.text(),
    }
  }
}

function privilegesOf(input: VerifyInput, options: VerifierOptions): Privileges {
  const flags = input.program.flags ?? 0
  return {
    complexityLimit: options.complexityLimit ?? BPF_COMPLEXITY_LIMIT_INSNS,
    timeLimit: options.timeLimit ?? Number.POSITIVE_INFINITY,
    deadline:
      options.timeLimit === undefined ? Number.POSITIVE_INFINITY : performance.now() + options.timeLimit,
    perfmon: !input.unprivileged,
    strictAlignment: (flags & BPF_F_STRICT_ALIGNMENT) !== 0 && (flags & BPF_F_ANY_ALIGNMENT) === 0,
    testStateFreq: (flags & BPF_F_TEST_STATE_FREQ) !== 0,
    testRegInvariants: (flags & BPF_F_TEST_REG_INVARIANTS) !== 0,
    sleepable: (flags & BPF_F_SLEEPABLE) !== 0,
    gplCompatible: isGplCompatible(input.program.license),
    cpus: options.cpus ?? 1,
  }
}

// include/linux/license.h
const GPL_LICENSES: ReadonlySet<string> = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
])

export const isGplCompatible = (license: string): boolean => GPL_LICENSES.has(license)

/** bpf_check: all that must hold, in the kernel's order. */
function check(env: Env): void {
  checkFuncInfo(env)
  findSubprogs(env)
  checkSubprogs(env)
  linkFuncInfo(env)
  resolveLdImm64(env)
  checkCfg(env)
  env.postorder = computePostorder(env.program, env.subprogs)
  env.liveness = new StackLiveness(env)
  checkSleepable(env)
  findAttachTarget(env)
  computeScc(env)
  computeLiveRegisters(env)
  walkSubprog(env, 0)
  walkGlobals(env)
  checkMaxStackDepth(env)
  checkUnresolvedCalls(env)
  checkFunctionAddresses(env)
}

/** The part of check_attach_btf_id that is about programs that may sleep. */
function checkSleepable(env: Env): void {
  const { type, attachType, privileges } = env
  if (type.sleepable === true) {
    if (!privileges.sleepable) fail('EINVAL', 'Syscall programs can only be sleepable')
    return
  }
  if (!privileges.sleepable) return
  const rules = attachType === undefined ? undefined : type.attachTypes?.[attachType]
  if (type.sleepable !== 'optional' || rules?.sleepable === false) {
    fail('EINVAL', 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable')
  }
}

/** do_check_subprogs: the global functions that were called, until no more are. */
function walkGlobals(env: Env): void {
  if (!env.hasFuncInfo) return
  if (env.exceptionCallback > 0) env.subprogs[env.exceptionCallback]!.called = true
  let again = true
  while (again) {
    again = false
    for (let i = 1; i < env.subprogs.length; i++) {
      const subprog = env.subprogs[i]!
      if (!subprog.global || !subprog.called || subprog.verified) continue
      walkSubprog(env, i)
      if (env.log.level)
        env.log.print(`Func#${i} ('${subprog.name}') is safe for any args that match its prototype\n`)
      subprog.verified = true
      again = true
    }
  }
}

const statsOf = (env: Env): VerifyStats => ({
  totalStates: env.totalStates,
  peakStates: env.peakStates,
  maxStatesPerInsn: env.maxStatesPerInsn,
  stateBytes: env.heap.peak,
})

type Refused = Omit<Rejection, 'explain'>

const refusal = (errno: string, line: string): Refused => ({
  verdict: 'reject',
  code: refusalCode(line),
  errno,
  line,
  insn: 0,
  processed: 0,
  stats: NO_STATS,
  log: () => `${line}\n`,
})

function rejection(env: Env, error: unknown): Refused {
  const reject = error instanceof Reject ? error : internal(error)
  if (!reject.printed) for (const line of reject.lines) env.log.print(`${line}\n`)
  printStats(env, false)
  const source = findLine(env.program, env.insn)
  return {
    verdict: 'reject',
    code: refusalCode(reject.message),
    errno: reject.errno,
    line: reject.message,
    insn: env.insn,
    ...(source ? { source } : {}),
    ...(reject.register === undefined ? {} : { register: reject.register }),
    processed: env.insnProcessed,
    stats: statsOf(env),
    log: env.log.text(),
  }
}

/** A defect of the verifier itself refuses the program: it never lets one through, and never throws. */
function internal(error: unknown): Reject {
  const text =
    error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 3).join(' ') : String(error)
  return new Reject('EFAULT', [`verifier bug: ${text}`])
}
