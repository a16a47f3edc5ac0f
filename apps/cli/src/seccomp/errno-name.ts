import { getSystemErrorMap } from 'node:util'

/** `13 (EACCES)`: the name is of this system's table. */
export function errnoOf(errno: number): string {
  const name = getSystemErrorMap().get(-errno)?.[0]
  return name === undefined ? String(errno) : `${errno} (${name})`
}
