import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pinPath } from './pin-path.ts'
import type { PinStore } from './pin-store.ts'

/** What a process that died while it wrote left behind is removed when it is as old. */
const STALE_MS = 60_000

/**
 * Pinned maps as files under a folder, which is made when it is first written to: `firewall/blocked` is
 * `firewall/blocked.pin`. A file is written aside, flushed to the disk and renamed: whenever the process dies, the old contents
 * or the new ones are there, whole. Several processes may use the folder; of two that write one path, the last wins. Blocks
 * while it writes, so that a runtime's close has written all when it returns.
 */
export function createPinFolder(folder: string): PinStore {
  const fileOf = (path: string): string =>
    join(folder, ...pinPath(path).split('/').map(encodeURIComponent)).concat('.pin')
  return {
    get: (path) => {
      try {
        const bytes = readFileSync(fileOf(path))
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    set: (path, bytes) => {
      const file = fileOf(path)
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      const aside = `${file}.new-${randomBytes(6).toString('hex')}`
      try {
        writeWhole(aside, bytes)
        renameSync(aside, file)
      } catch (error) {
        rmSync(aside, { force: true })
        throw error
      }
      flushFolder(dirname(file))
      removeStale(file)
    },
    delete: (path) => {
      const file = fileOf(path)
      rmSync(file, { force: true })
      flushFolder(dirname(file))
    },
  }
}

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

function writeWhole(file: string, bytes: Uint8Array): void {
  const fd = openSync(file, 'wx', 0o600)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** A rename is on the disk when its folder is; not every system lets a folder be opened. */
function flushFolder(folder: string): void {
  let fd: number
  try {
    fd = openSync(folder, 'r')
  } catch {
    return
  }
  try {
    fsyncSync(fd)
  } catch {
    // As above.
  } finally {
    closeSync(fd)
  }
}

function removeStale(file: string): void {
  const folder = dirname(file)
  const written = statSync(file).mtimeMs
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${basename(file)}.new-`)) continue
    const other = join(folder, name)
    try {
      if (written - statSync(other).mtimeMs > STALE_MS) rmSync(other, { force: true })
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
}
