import { lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { posix, resolve, sep } from 'node:path'
import process from 'node:process'

// As they were before any guard: what a guard asks for itself is nobody's event.
const { native } = realpathSync
const lstat = lstatSync
const readlink = readlinkSync

/** ELOOP. */
const MOST_LINKS = 40

/**
 * The absolute path that the system would come to: links followed as it follows them, `..` behind them too. What does not exist
 * is taken by its nearest folder that does. `last` is false where the call is about a link itself.
 */
export function realPath(path: string, last: boolean): string {
  try {
    if (process.platform === 'win32') return resolve(path)
    const whole = path.startsWith('/') ? path : `${process.cwd()}/${path}`
    return last || /(^|\/)(\.{0,2})$/.test(whole) ? follow(whole, 0) : parentOf(whole, 0)
  } catch {
    return resolve(path)
  }
}

/** The folder of a path followed, and the path's last name in it as it is. */
function parentOf(whole: string, links: number): string {
  const cut = whole.lastIndexOf('/')
  const folder = cut <= 0 ? '/' : follow(whole.slice(0, cut), links)
  return posix.join(folder, whole.slice(cut + 1))
}

function follow(whole: string, links: number): string {
  try {
    return native(whole)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || links >= MOST_LINKS) return resolve(whole)
  }
  const path = whole.replace(/\/+$/, '')
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (path === '') return sep
  // Behind what does not exist `..` is a word like any other.
  if (name === '..' || name === '.') return resolve(path)
  const here = parentOf(path, links + 1)
  // A link that leads nowhere yet: whoever writes to it makes a file there.
  const to = lstat(here, { throwIfNoEntry: false })?.isSymbolicLink() ? readlink(here) : undefined
  if (to === undefined) return here
  return follow(to.startsWith('/') ? to : `${here.slice(0, here.lastIndexOf('/'))}/${to}`, links + 1)
}
