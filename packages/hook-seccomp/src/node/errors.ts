import process from 'node:process'
import { getSystemErrorMap } from 'node:util'
import { errnoName } from '@skep/registry'

/** An errno in the words of this system: libuv's number of it, its name, and the sentence that Node's errors have. */
interface SystemErrno {
  readonly errno: number
  readonly code: string
  readonly text: string
}

let byName: Map<string, SystemErrno> | undefined

/** The errno that programs return has Linux's number, on every system. */
function systemErrno(linux: number): SystemErrno {
  byName ??= new Map(
    [...getSystemErrorMap()].map(([errno, [code, text]]) => [code, { errno, code, text }] as const),
  )
  const known = process.platform === 'linux' ? getSystemErrorMap().get(-linux)?.[0] : errnoName(linux)
  return byName.get(known ?? 'EPERM') ?? byName.get('EPERM')!
}

/** libuv's number of an errno, negative. */
export const uvErrno = (linux: number): number => systemErrno(linux).errno

/** The parts of an error besides errno, code and syscall, in the order in which Node has them. */
type Extra = Readonly<Record<string, unknown>>

function build(message: string, { errno, code }: SystemErrno, syscall: string, extra: Extra): Error {
  const error = Object.assign(new Error(message), { errno, code, syscall })
  for (const [name, value] of Object.entries(extra))
    if (value !== undefined) Object.assign(error, { [name]: value })
  Error.captureStackTrace(error, build)
  return error
}

/** As fs and process.chdir throw: `EACCES: permission denied, open '/etc/passwd'`. */
export function fileError(linux: number, syscall: string, path: string, dest?: string): Error {
  const known = systemErrno(linux)
  const where = `'${path}'${dest === undefined ? '' : ` -> '${dest}'`}`
  return build(`${known.code}: ${known.text}, ${syscall} ${where}`, known, syscall, { path, dest })
}

/** As sockets give: `connect EACCES 127.0.0.1:80`. */
export function hostError(linux: number, syscall: string, address: string, port?: number): Error {
  const known = systemErrno(linux)
  const where = port ? ` ${address}:${port}` : address ? ` ${address}` : ''
  return build(`${syscall} ${known.code}${where}`, known, syscall, { address, port: port || undefined })
}

/** As servers give: `listen EACCES: permission denied 0.0.0.0:80`. */
export function listenError(linux: number, address: string, port?: number): Error {
  const known = systemErrno(linux)
  const where = port ? ` ${address}:${port}` : address ? ` ${address}` : ''
  const message = `listen ${known.code}: ${known.text}${where}`
  return build(message, known, 'listen', { address, port: port || undefined })
}

/** As dns gives: `getaddrinfo EACCES example.org`. */
export function dnsError(linux: number, syscall: string, hostname: string): Error {
  const known = systemErrno(linux)
  return build(`${syscall} ${known.code} ${hostname}`, known, syscall, { hostname })
}

/** As child_process and process.kill give: `spawnSync git EACCES`. */
export function processError(linux: number, syscall: string, extra: Extra = {}): Error {
  const known = systemErrno(linux)
  return build(`${syscall} ${known.code}`, known, syscall, extra)
}
