import { PinError } from './pin-error.ts'

/** NAME_MAX and PATH_MAX. */
const MOST_NAME = 255
const MOST_PATH = 4095

/**
 * A path as pins have them: names between slashes, none at the ends. As in a BPF file system a name has no dot
 * (kernel/bpf/inode.c, bpf_lookup). Throws PinError BAD_PATH.
 */
export function pinPath(path: string): string {
  const bad = (why: string): PinError => new PinError('BAD_PATH', String(path), why)
  if (typeof path !== 'string')
    throw bad(`a ${typeof path} is no path; give a string such as "firewall/blocked"`)
  const names = path.split('/').filter((name) => name !== '')
  if (names.length === 0) throw bad('it has no name; give one such as "firewall/blocked"')
  for (const name of names) {
    if (/[.\0]/.test(name)) throw bad(`the name "${name}" has a dot or a NUL; leave it out`)
    if (new TextEncoder().encode(name).length > MOST_NAME)
      throw bad(`a name has more than ${MOST_NAME} bytes; shorten it`)
  }
  const whole = names.join('/')
  if (whole.length > MOST_PATH) throw bad(`it has more than ${MOST_PATH} characters; shorten it`)
  return whole
}

/**
 * Where LIBBPF_PIN_BY_NAME pins a map: the path that its spec says, else its name under the root, dots as underscores
 * (libbpf, sanitize_pin_path).
 */
export const pinPathByName = (
  root: string,
  map: { readonly name: string; readonly pinPath?: string },
): string => pinPath(map.pinPath ?? `${root}/${map.name.replaceAll('.', '_')}`)
