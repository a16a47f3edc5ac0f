import { closeSync, openSync } from 'node:fs'
import { DeviceError, settled } from './errors.ts'
import { type DeviceLibc, loadDeviceLibc } from './libc.ts'

const CLONE_NEWNET = 0x4000_0000

const pathOf = (namespace: string): string =>
  namespace.includes('/') ? namespace : `/run/netns/${namespace}`

/**
 * Runs `act` in a network namespace: one that `ip netns add` made, by its name, or any by its file (`/proc/PID/ns/net`). Only
 * this thread goes there, and only until `act` returns; what it opens meanwhile stays of that namespace. So `act` must do its
 * work at once: a promise's later parts are out of it again.
 *
 * @throws DeviceError
 */
export function actInNamespace<Result>(libc: DeviceLibc, namespace: string, act: () => Result): Result {
  const path = pathOf(namespace)
  const open = (file: string): number => {
    try {
      return openSync(file, 'r')
    } catch (cause) {
      const { code = 'EIO' } = cause as { code?: string }
      const mend = code === 'ENOENT' ? '`ip netns add` makes it' : undefined
      throw new DeviceError(code, namespace, `${file} does not open`, mend, { cause })
    }
  }
  const target = open(path)
  try {
    const home = open('/proc/thread-self/ns/net')
    try {
      settled(libc.setNamespace(target, CLONE_NEWNET), namespace, 'setns', path)
      try {
        return act()
      } finally {
        settled(libc.setNamespace(home, CLONE_NEWNET), namespace, 'setns', 'the way back')
      }
    } finally {
      closeSync(home)
    }
  } finally {
    closeSync(target)
  }
}

/** `actInNamespace` for hosts: rejects with DeviceError, or with what `act` throws. */
export const inNetworkNamespace = async <Result>(namespace: string, act: () => Result): Promise<Result> =>
  actInNamespace(await loadDeviceLibc(), namespace, act)
