import { type AttachPointDef, defineAttachPoint, type ProgramHandle } from '@skep/registry'
import { checkProgram, type ProgramOf } from './check-program.ts'
import { KprobeAttachError } from './errors.ts'
import { type FunctionProbeOptions, FunctionRuns, type Moment } from './function-probe.ts'
import { addressOf } from './handles.ts'
import { OpenLink, type ProbeLink } from './link.ts'
import { OVERRIDE_RETURN } from './override-return.ts'
import { KPROBE_ARGS } from './pt-regs.ts'
import { type Accessor, probeFunction } from './site.ts'
import { describeTarget, functionsOf, isObject, matcher, resolvePath } from './target.ts'

/** A program that may attach to functions: `collection.program(name, 'kprobe')`. */
export type KprobeProgram = ProgramOf<'kprobe'>

export interface KprobeOptions extends FunctionProbeOptions {
  /** bpf_get_attach_cookie. Default 0. */
  readonly cookie?: bigint
  /** The property is an accessor: its getter or its setter is meant. */
  readonly accessor?: Accessor
}

export interface KprobeMultiOptions extends FunctionProbeOptions {
  /** bpf_get_attach_cookie, by the function's name. Default 0. */
  readonly cookies?: Readonly<Record<string, bigint>> | ((name: string, index: number) => bigint)
  /** At the return, not at the entry; a program of a session has both. Default false. */
  readonly retprobe?: boolean
}

export interface UprobeOptions extends KprobeOptions {
  /** At the return, not at the entry. Default false. */
  readonly retprobe?: boolean
}

/** A function that a link probes. */
export interface ProbedFunction {
  readonly name: string
  /** What bpf_get_func_ip gives, and PT_REGS_IP. */
  readonly address: bigint
}

export interface KprobeLink extends ProbeLink {
  readonly program: KprobeProgram
  readonly functions: readonly ProbedFunction[]
}

const SINGLE = {
  allowed: [undefined],
  mend: 'attach it with attachKprobeMulti or attachUprobeMulti',
}
const multi = (kind: 'kprobe' | 'uprobe') => ({
  allowed: [`trace_${kind}_multi`, `trace_${kind}_session`],
  mend: `put it into SEC("${kind}.multi") or SEC("${kind}.session"), or attach it to one function with attach${kind === 'kprobe' ? 'Kprobe' : 'Uprobe'}`,
})

/** A function to probe. */
interface Place {
  readonly target: object
  readonly property: PropertyKey
  readonly name: string
  readonly cookie: bigint
}

/**
 * Runs a program at every call of `target[name]`, before the function: the context is a `struct pt_regs` with its arguments.
 * For a method of all instances the target is the class's prototype. Throws KprobeAttachError.
 */
export function attachKprobe(
  program: KprobeProgram,
  target: object,
  name: PropertyKey,
  options: KprobeOptions = {},
): KprobeLink {
  return attachSingle('kprobe', program, target, name, 'entry', options)
}

/** Runs a program at every return of `target[name]`, also by a throw; the value is in rax. Throws KprobeAttachError. */
export function attachKretprobe(
  program: KprobeProgram,
  target: object,
  name: PropertyKey,
  options: KprobeOptions = {},
): KprobeLink {
  return attachSingle('kretprobe', program, target, name, 'return', options)
}

/**
 * Probes all functions of an object, and of its prototypes, whose names match: a glob, a regular expression or names. For
 * programs of SEC("kprobe.multi") and SEC("kprobe.session"). Throws KprobeAttachError, and then nothing is attached.
 */
export function attachKprobeMulti(
  program: KprobeProgram,
  target: object,
  pattern: string | RegExp | readonly string[],
  options: KprobeMultiOptions = {},
): KprobeLink {
  checkProgram(program, ['kprobe'], multi('kprobe'))
  checkTarget(target)
  return attachMany('kprobe_multi', program, findAll(target, pattern, options), options)
}

/** As attachKprobe, on what a path leads to in a module or another object: `Server.prototype.listen`. */
export function attachUprobe(
  program: KprobeProgram,
  module: object,
  path: string,
  options: UprobeOptions = {},
): KprobeLink {
  checkTarget(module)
  const { target, name } = resolvePath(module, path)
  return attachSingle('uprobe', program, target, name, options.retprobe ? 'return' : 'entry', options)
}

/** As attachKprobeMulti, with a path whose last part is a pattern: `Server.prototype.*`. */
export function attachUprobeMulti(
  program: KprobeProgram,
  module: object,
  path: string,
  options: KprobeMultiOptions = {},
): KprobeLink {
  checkProgram(program, ['kprobe'], multi('uprobe'))
  checkTarget(module)
  const { target, name } = resolvePath(module, path)
  return attachMany('uprobe_multi', program, findAll(target, name, options), options)
}

function attachSingle(
  attachPoint: string,
  program: KprobeProgram,
  target: object,
  name: PropertyKey,
  moment: Moment,
  options: KprobeOptions,
): KprobeLink {
  checkProgram(program, ['kprobe'], SINGLE)
  checkTarget(target)
  checkOptions(program, options, moment)
  const place = { target, property: name, name: String(name), cookie: options.cookie ?? 0n }
  return attach(attachPoint, program, [place], moment, options, options.accessor)
}

function attachMany(
  attachPoint: string,
  program: KprobeProgram,
  places: readonly Place[],
  options: KprobeMultiOptions,
): KprobeLink {
  const session = program.attachType?.endsWith('_session') ?? false
  if (session && options.retprobe) {
    throw new KprobeAttachError(
      'BAD_OPTION',
      `program ${program.name} is for a session, which has entry and return; leave retprobe out`,
    )
  }
  const moment: Moment = session ? 'session' : options.retprobe ? 'return' : 'entry'
  checkOptions(program, options, moment)
  return attach(attachPoint, program, places, moment, options, undefined)
}

function findAll(
  target: object,
  pattern: string | RegExp | readonly string[],
  { cookies }: KprobeMultiOptions,
): readonly Place[] {
  const known = functionsOf(target)
  const matches = matcher(pattern)
  const names = Array.isArray(pattern) ? (pattern as readonly string[]) : known.filter(matches)
  if (names.length === 0) {
    throw new KprobeAttachError(
      'NO_SUCH_FUNCTION',
      `no function of ${describeTarget(target)} is named as ${String(pattern)}; it has: ${known.slice(0, 12).join(', ') || 'none'}`,
    )
  }
  return names.map((name, n) => ({
    target,
    property: name,
    name,
    cookie: (typeof cookies === 'function' ? cookies(name, n) : cookies?.[name]) ?? 0n,
  }))
}

function attach(
  attachPoint: string,
  program: KprobeProgram,
  places: readonly Place[],
  moment: Moment,
  options: FunctionProbeOptions,
  accessor: Accessor | undefined,
): KprobeLink {
  const runs = new FunctionRuns(program, moment, options)
  const taken: (() => void)[] = []
  const functions: ProbedFunction[] = []
  const detach = (): void => {
    for (const take of taken.splice(0)) take()
  }
  try {
    for (const { target, property, name, cookie } of places) {
      taken.push(
        probeFunction(target, property, accessor, (original) => {
          functions.push({ name, address: addressOf(original) })
          return runs.probe(original, name, cookie, places.length > 1)
        }),
      )
    }
    return new FunctionLink(attachPoint, program, runs, detach, functions)
  } catch (error) {
    detach()
    runs.context.release()
    throw error
  }
}

class FunctionLink extends OpenLink<KprobeProgram> implements KprobeLink {
  readonly functions: readonly ProbedFunction[]

  constructor(
    attachPoint: string,
    program: KprobeProgram,
    runs: FunctionRuns,
    detach: () => void,
    functions: readonly ProbedFunction[],
  ) {
    super(attachPoint, program, runs.context, detach)
    this.functions = functions
  }
}

function checkTarget(target: object): void {
  if (isObject(target)) return
  throw new KprobeAttachError(
    'BAD_TARGET',
    `the target is ${describeTarget(target)}; give the object, class or prototype that holds the function`,
  )
}

function checkOptions(program: ProgramHandle, options: FunctionProbeOptions, moment: Moment): void {
  const { args, at, copy, override } = options
  const bad = (what: string): never => {
    throw new KprobeAttachError('BAD_OPTION', what)
  }
  if (typeof args === 'number' && !(Number.isInteger(args) && args >= 0 && args <= KPROBE_ARGS))
    bad(`args is ${args}; give how many arguments, 0 to ${KPROBE_ARGS}, or a function`)
  if (copy !== undefined && !(Number.isInteger(copy) && copy >= 16 && copy <= 2 ** 24))
    bad(`copy is ${copy}; give a number of bytes from 16 to ${2 ** 24}`)
  if (at !== undefined && at !== 'return' && at !== 'settlement')
    bad(`at is ${String(at)}; give 'return' or 'settlement'`)
  if (!program.helpers.includes(OVERRIDE_RETURN)) return
  if (!override || moment !== 'entry') {
    throw new KprobeAttachError(
      'NOT_OVERRIDABLE',
      `program ${program.name} calls ${OVERRIDE_RETURN}, which takes a probe at the entry and the option override: what a call returns then`,
    )
  }
}

/** A function as the target of the platform's attach point. */
export interface KprobeTarget extends KprobeOptions {
  readonly target: object
  readonly name: PropertyKey
  readonly retprobe?: boolean
}

/** Functions as an attach point of the platform. */
export const kprobeAttachPoint: AttachPointDef<KprobeTarget, KprobeLink> = defineAttachPoint({
  name: 'kprobe',
  programTypes: ['kprobe'],
  attach: (program, { target, name, retprobe, ...options }) =>
    (retprobe ? attachKretprobe : attachKprobe)(program as KprobeProgram, target, name, options),
})
