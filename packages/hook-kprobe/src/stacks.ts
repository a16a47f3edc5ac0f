import { currentRun } from './run-context.ts'

/** One frame of a JavaScript stack. Lines and columns count from 1; 0 where there are none. */
export interface StackFrame {
  readonly name: string
  /** URL or path of the script; empty for the engine's own. */
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Frames look like addresses of a kernel's text. */
const TEXT = 0xffff_ffffn << 32n
const FIRST = 0x8000_0000
const ALIGN = 16
/** Beyond so many places of code all further ones are one frame. */
const MOST = 2 ** 20
/** PERF_MAX_STACK_DEPTH. */
const DEPTH = 127

const numbers = new Map<string, number>()
const frames: StackFrame[] = []
const UNKNOWN: StackFrame = { name: '[unknown]', file: '', line: 0, column: 0 }

/** The address that stands for a frame in stack maps. */
export function frameAddress(frame: StackFrame): bigint {
  const key = `${frame.name}\n${frame.file}\n${frame.line}:${frame.column}`
  let number = numbers.get(key)
  if (number === undefined) {
    if (frames.length === 0) frames.push(UNKNOWN)
    number = frames.length < MOST ? frames.push(frame) - 1 : 0
    if (number > 0) numbers.set(key, number)
  }
  return TEXT | BigInt(FIRST + number * ALIGN)
}

/** The frame of an address; undefined for what is no frame's. */
export function frameAt(address: bigint): StackFrame | undefined {
  if (address >> 32n !== 0xffff_ffffn) return undefined
  return frames[(Number(address & 0xffff_ffffn) - FIRST) / ALIGN]
}

interface CallSite {
  getFunctionName(): string | null
  getTypeName(): string | null
  getFileName(): string | null
  getLineNumber(): number | null
  getColumnNumber(): number | null
  isConstructor(): boolean
}

interface V8Error {
  stackTraceLimit: number
  prepareStackTrace?: ((error: Error, sites: readonly CallSite[]) => unknown) | undefined
  captureStackTrace?(target: object): void
}

/** Functions of a probe that the host's stack has between a function and what it calls; the caller of `CALL` is one more. */
const MARK = 'skepProbe'
const CALL = 'skepProbeCall'

/** The frames of the call that is probed, the innermost first. Needs V8; none elsewhere. */
function hostStack(): readonly bigint[] | undefined {
  const V8 = Error as unknown as V8Error
  if (!V8.captureStackTrace) return undefined
  const { stackTraceLimit, prepareStackTrace } = V8
  const holder: { stack?: unknown } = {}
  let sites: readonly CallSite[]
  try {
    // What lies between the probed call and here takes some.
    V8.stackTraceLimit = DEPTH + 24
    V8.prepareStackTrace = (_, all) => all
    V8.captureStackTrace(holder)
    sites = holder.stack as readonly CallSite[]
  } finally {
    V8.stackTraceLimit = stackTraceLimit
    V8.prepareStackTrace = prepareStackTrace
  }
  const found: bigint[] = currentRun.entered ? [frameAddress({ ...UNKNOWN, name: currentRun.entered })] : []
  let ours = true
  for (const [n, site] of sites.entries()) {
    const marked = site.getFunctionName()?.includes(MARK) ?? false
    if (ours && !marked) continue
    ours = false
    if (marked || sites[n - 1]?.getFunctionName() === CALL) continue
    if (found.length < DEPTH) found.push(frameAddress(frameOf(site)))
  }
  return found
}

function frameOf(site: CallSite): StackFrame {
  const name = site.getFunctionName()
  const type = site.isConstructor() ? 'new ' : ''
  const file = site.getFileName() ?? ''
  return {
    name: name ? `${type}${name}` : '(anonymous)',
    file,
    line: site.getLineNumber() ?? 0,
    column: site.getColumnNumber() ?? 0,
  }
}

/**
 * What helpers of probes ask: the JavaScript stack for bpf_get_stackid and bpf_get_stack, and the function for
 * bpf_get_func_ip. Give them to the runtime: `createRuntime({ providers: probeProviders })`.
 */
export const probeProviders: {
  readonly stacks: (context: number, user: boolean) => readonly bigint[] | undefined
  readonly tracing: { readonly functionAddress: (context: number) => bigint }
} = {
  stacks: () => currentRun.frames ?? hostStack(),
  tracing: { functionAddress: () => currentRun.ip },
}
