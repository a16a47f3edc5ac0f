import fs from 'node:fs'
import process from 'node:process'
import { GUARD_FLAGS, type GuardOperation } from '../guard/operations.ts'
import { copied, flagNumber, isReading, pinned, type TakenPath, takePath } from './arguments.ts'
import { askFile, type GuardEvent } from './ask.ts'
import { fileError } from './errors.ts'
import type { Patches } from './patches.ts'

/** A path among the arguments of a function. */
interface PathArgument {
  readonly operation: GuardOperation
  readonly at: number
  /** The call is about the link, where the path is one. */
  readonly link?: boolean
  readonly target?: boolean
}

interface FsFunction {
  readonly syscall: string
  readonly paths: readonly PathArgument[]
  /** Where its flag is: an argument's number, or `options` for the member `flag` of the second argument behind the path. */
  readonly flag?: { readonly at: number; readonly member?: true; readonly otherwise: string }
  /** Where its permissions are. */
  readonly mode?: number
  /** Where an option `recursive` is. */
  readonly recursive?: number
  /** The other text that a program may ask for. */
  readonly detail?: number
}

const one = (
  syscall: string,
  operation: GuardOperation,
  more: Partial<FsFunction> & { link?: true } = {},
): FsFunction => {
  const { link, ...rest } = more
  return { syscall, paths: [{ operation, at: 0, ...(link ? { link } : {}) }], ...rest }
}
const two = (syscall: string, from: GuardOperation, to: GuardOperation, link = false): FsFunction => ({
  syscall,
  paths: [
    { operation: from, at: 0, ...(link ? { link } : {}) },
    { operation: to, at: 1, target: true, ...(link ? { link } : {}) },
  ],
})
const option = (otherwise: string, at: number): NonNullable<FsFunction['flag']> => ({
  at,
  member: true,
  otherwise,
})

/** Functions of fs and fs.promises that take paths. Those with descriptors have none to ask about. */
const FUNCTIONS: Readonly<Record<string, FsFunction>> = {
  access: one('access', 'FS_STAT'),
  appendFile: one('open', 'FS_WRITE', { flag: option('a', 2) }),
  chmod: one('chmod', 'FS_CHMOD', { mode: 1 }),
  chown: one('chown', 'FS_CHOWN'),
  copyFile: two('copyfile', 'FS_READ', 'FS_WRITE'),
  cp: { ...two('cp', 'FS_READ', 'FS_WRITE'), recursive: 2 },
  exists: one('access', 'FS_STAT'),
  lchmod: one('lchmod', 'FS_CHMOD', { mode: 1, link: true }),
  lchown: one('lchown', 'FS_CHOWN', { link: true }),
  link: two('link', 'FS_LINK', 'FS_LINK', true),
  lstat: one('lstat', 'FS_STAT', { link: true }),
  lutimes: one('lutime', 'FS_UTIMES', { link: true }),
  mkdir: one('mkdir', 'FS_MKDIR', { mode: 1, recursive: 1, link: true }),
  mkdtemp: one('mkdtemp', 'FS_MKDIR', { link: true }),
  mkdtempDisposable: one('mkdtemp', 'FS_MKDIR', { link: true }),
  open: one('open', 'FS_READ', { flag: { at: 1, otherwise: 'r' }, mode: 2 }),
  openAsBlob: one('open', 'FS_READ'),
  opendir: one('opendir', 'FS_LIST', { recursive: 1 }),
  readdir: one('scandir', 'FS_LIST', { recursive: 1 }),
  readFile: one('open', 'FS_READ', { flag: option('r', 1) }),
  readlink: one('readlink', 'FS_READLINK', { link: true }),
  realpath: one('realpath', 'FS_STAT'),
  rename: two('rename', 'FS_RENAME', 'FS_RENAME', true),
  rm: one('rm', 'FS_REMOVE', { recursive: 1, link: true }),
  rmdir: one('rmdir', 'FS_REMOVE', { recursive: 1, link: true }),
  stat: one('stat', 'FS_STAT'),
  statfs: one('statfs', 'FS_STAT'),
  symlink: { syscall: 'symlink', paths: [{ operation: 'FS_SYMLINK', at: 1, link: true }], detail: 0 },
  truncate: one('open', 'FS_WRITE', { flag: { at: -1, otherwise: 'r+' } }),
  unlink: one('unlink', 'FS_REMOVE', { link: true }),
  utimes: one('utime', 'FS_UTIMES'),
  watch: one('watch', 'FS_WATCH', { recursive: 1 }),
  watchFile: one('watchFile', 'FS_WATCH'),
  writeFile: one('open', 'FS_WRITE', { flag: option('w', 2) }),
}

/** What a call is to be made with, or why not. */
interface Taken {
  readonly args: unknown[]
  readonly error: Error | undefined
}

/** Takes the paths out of the arguments, once, and asks about each. */
function take(def: FsFunction, given: readonly unknown[]): Taken {
  const args = [...given]
  const paths: TakenPath[] = []
  for (const { at } of [...def.paths, ...(def.detail === undefined ? [] : [{ at: def.detail }])]) {
    const path = takePath(args[at])
    // A descriptor, or nothing that Node takes.
    if (path === undefined) return { args, error: undefined }
    args[at] = path.value
    paths.push(path)
  }
  const { flags, more } = about(def, args)
  if (def.detail !== undefined) more.detail = paths.at(-1)!.text
  for (const [n, { operation, link, target }] of def.paths.entries()) {
    const name = def.flag === undefined ? operation : isReading(flags) ? 'FS_READ' : 'FS_WRITE'
    const text = paths[n]!.text + (def.syscall === 'mkdtemp' ? 'XXXXXX' : '')
    const bits = (more.flags ?? 0) | (target ? GUARD_FLAGS.TARGET : 0)
    const errno = askFile(name, text, { ...more, flags: bits }, !link)
    if (errno !== 0) return { args, error: fileError(errno, def.syscall, text, paths[1]?.text) }
  }
  return { args, error: undefined }
}

/** Flags and permissions, which options may hold: they are pinned. */
function about(
  def: FsFunction,
  args: unknown[],
): { flags: number; more: { -readonly [K in keyof GuardEvent]?: GuardEvent[K] } } {
  let flags = 0
  if (def.flag !== undefined) {
    const { at, member, otherwise } = def.flag
    let flag = member ? memberOf(args, at, 'flag') : args[at]
    if (typeof flag === 'function' || flag == null || flag === '') flag = otherwise
    flags = flagNumber(flag)
  }
  const more: ReturnType<typeof about>['more'] = { flags }
  if (def.recursive !== undefined && memberOf(args, def.recursive, 'recursive') === true)
    more.flags = flags | GUARD_FLAGS.RECURSIVE
  const mode = def.mode === undefined ? undefined : args[def.mode]
  const given = typeof mode === 'object' && mode !== null ? memberOf(args, def.mode!, 'mode') : mode
  if (typeof given === 'number') more.mode = given >>> 0
  else if (typeof given === 'string') more.mode = Number.parseInt(given, 8) >>> 0
  return { flags, more }
}

/** A member of an argument that is options, which is pinned to what it is now. */
function memberOf(args: unknown[], at: number, name: string): unknown {
  const options = args[at]
  if (typeof options !== 'object' || options === null || !(name in options)) return undefined
  const value = (options as Record<string, unknown>)[name]
  args[at] = pinned(options, { [name]: value })
  return value
}

type Call = (this: unknown, ...args: unknown[]) => unknown

const whenDone = (args: readonly unknown[]): ((...result: unknown[]) => void) | undefined =>
  args.findLast((one): one is (...result: unknown[]) => void => typeof one === 'function')

/** Functions whose refusal is a value, as it is in Node. */
const sayNo = new Set(['exists', 'existsSync'])

function synchronous(name: string, def: FsFunction, original: Call): Call {
  return function (...given) {
    const { args, error } = take(def, given)
    if (error === undefined) return Reflect.apply(original, this, args)
    if (sayNo.has(name)) return false
    throw error
  }
}

function withCallback(name: string, def: FsFunction, original: Call): Call {
  return function (...given) {
    const { args, error } = take(def, given)
    if (error === undefined) return Reflect.apply(original, this, args)
    const done = whenDone(given)
    if (done === undefined) throw error
    if (sayNo.has(name)) process.nextTick(done, false)
    else process.nextTick(done, error)
    return undefined
  }
}

function promising(def: FsFunction, original: Call): Call {
  return function (...given) {
    try {
      const { args, error } = take(def, given)
      return error === undefined ? Reflect.apply(original, this, args) : Promise.reject(error)
    } catch (error) {
      return Promise.reject(error)
    }
  }
}

/** Those of fs without `Sync` that give their result at once. */
const atOnce = new Set(['watch', 'watchFile'])
/** Those of fs without `Sync` that give promises. */
const ofPromises = new Set(['openAsBlob'])

/** The functions of fs, of its promises, and what streams open files by. */
export function patchFs(patches: Patches): void {
  for (const [name, def] of Object.entries(FUNCTIONS)) {
    const wrapped =
      (one: string) =>
      (original: unknown): never => {
        const call = original as Call
        if (one.endsWith('Sync') || atOnce.has(one)) return synchronous(one, def, call) as never
        return (ofPromises.has(one) ? promising(def, call) : withCallback(one, def, call)) as never
      }
    patches.wrap(fs, name, wrapped(name))
    patches.wrap(fs, `${name}Sync`, wrapped(`${name}Sync`))
    const { promises } = fs
    patches.wrap(
      promises,
      name,
      (original) =>
        (name === 'watch'
          ? synchronous(name, def, original as Call)
          : promising(def, original as Call)) as never,
    )
  }
  patchNative(patches)
  patchGlob(patches)
}

/** `fs.realpath.native` is a property of what was replaced. */
function patchNative(patches: Patches): void {
  const def = FUNCTIONS.realpath!
  for (const [name, wrap] of [
    ['realpath', withCallback],
    ['realpathSync', synchronous],
  ] as const) {
    const outer = fs[name]
    patches.wrap(outer, 'native', (original) => wrap(name, def, original as Call) as never)
  }
}

/** From Node 22 on: each pattern, seen from the folder that it starts in. */
function patchGlob(patches: Patches): void {
  const check = (given: readonly unknown[]): { args: unknown[]; error: Error | undefined } => {
    const options = typeof given[1] === 'object' && given[1] !== null ? copied(given[1]) : undefined
    const args = [...given]
    if (options !== undefined) args[1] = options
    const patterns = (Array.isArray(given[0]) ? [...given[0]] : [given[0]]).map(String)
    args[0] = patterns
    const folder = takePath(options?.cwd)?.text ?? '.'
    const detail = patterns.join('\0')
    const errno = askFile('FS_LIST', folder, { detail, flags: GUARD_FLAGS.RECURSIVE })
    return { args, error: errno === 0 ? undefined : fileError(errno, 'scandir', folder) }
  }
  const act = (name: string) => (original: unknown) =>
    function (this: unknown, ...given: unknown[]): unknown {
      const { args, error } = check(given)
      if (error === undefined) return Reflect.apply(original as Call, this, args)
      const done = name === 'glob' ? whenDone(given) : undefined
      if (done === undefined) throw error
      process.nextTick(done, error)
      return undefined
    } as never
  patches.wrap(fs, 'glob', act('glob'))
  patches.wrap(fs, 'globSync', act('globSync'))
  patches.wrap(fs.promises, 'glob', act('promises'))
}
