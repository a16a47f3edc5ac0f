import { errnoText } from '../errno.ts'

/**
 * A TAP or AF_PACKET device that cannot be opened, or stopped to work. `code` is the kernel's errno (`EPERM`, `ENODEV`, `EBUSY`),
 * or `UNAVAILABLE` where there is no such thing as these devices, or `BAD_OPTION` for what makes no sense to the kernel.
 */
export class DeviceError extends Error {
  override readonly name = 'DeviceError'
  readonly code: string
  /** The interface's name, as it was asked for. */
  readonly device: string
  /** The decisive fact, and what to do about it. */
  readonly fact: string
  readonly mend: string | undefined

  constructor(code: string, device: string, fact: string, mend?: string, options?: ErrorOptions) {
    super(`${code}: ${device}: ${fact}${mend === undefined ? '' : `; ${mend}`}`, options)
    this.code = code
    this.device = device
    this.fact = fact
    this.mend = mend
  }
}

/** What helps, by the system call and the errno. `any` is for all calls. */
const mends: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  any: {
    EPERM: 'run as root or with CAP_NET_ADMIN and CAP_NET_RAW',
    EACCES: 'run as root or with CAP_NET_ADMIN and CAP_NET_RAW',
    ENODEV: 'name an interface that `ip link` shows, in the namespace that is meant',
    ENOMEM: 'give a smaller ring: fewer or smaller blocks',
  },
  TUNSETIFF: {
    EBUSY: 'another process has this interface open; close it there, or take another name',
    EINVAL: 'there is an interface of this name that is no TAP device; take another name',
    EEXIST: 'there is an interface of this name; take another name',
  },
  setns: { EPERM: 'run as root or with CAP_SYS_ADMIN', EINVAL: 'give the file of a network namespace' },
}

/** The error for a result of minus errno. */
export const deviceError = (result: number, device: string, call: string, what = ''): DeviceError => {
  const code = errnoText(result)
  const mend = mends[call]?.[code] ?? mends.any![code]
  return new DeviceError(code, device, `${call} failed${what === '' ? '' : `: ${what}`}`, mend)
}

/** The result of a call, which throws where it is minus errno. */
export const settled = (result: number, device: string, call: string, what?: string): number => {
  if (result < 0) throw deviceError(result, device, call, what)
  return result
}
