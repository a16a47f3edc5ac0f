import { TcError } from './errors.ts'
import { scanInteger } from './scan-number.ts'

/** Scopes of `pinning` in struct bpf_elf_map (include/bpf_elf.h of iproute2); higher ones are the host's. */
export const PIN_NONE = 0
export const PIN_OBJECT_NS = 1
export const PIN_GLOBAL_NS = 2

/** Where iproute2 looks for the BPF file system. */
export const BPF_MOUNT = '/sys/fs/bpf'
/** Of all program types: the folders of xdp and ip are links to it. */
const FOLDER = 'tc'
const GLOBALS = 'globals'

/** Where a map of a scope is pinned; undefined for none. `scopes` are the host's, from 3 on, as bpf_pinning has them. */
export function pinnedAt(
  map: string,
  scope: number,
  object: string,
  mount: string,
  scopes: Readonly<Record<number, string>>,
): string | undefined {
  if (scope === PIN_NONE) return undefined
  if (scope === PIN_OBJECT_NS) return `${mount}/${FOLDER}/${object}/${map}`
  if (scope === PIN_GLOBAL_NS) return `${mount}/${FOLDER}/${GLOBALS}/${map}`
  return Object.hasOwn(scopes, scope) ? `${mount}/${scopes[scope]}/${map}` : undefined
}

/** A path as tc takes it: `m:` stands for the folder of tc in the BPF file system. */
export const pinPathOf = (path: string, mount: string = BPF_MOUNT): string =>
  path.length > 2 && path.startsWith('m:') ? `${mount}/${FOLDER}/${path.slice(2)}` : path

/**
 * Reads a table of pinning scopes, as /etc/iproute2/bpf_pinning is: lines of a number and a folder below the BPF file
 * system, `#` for comments. The numbers 0 to 2 are iproute2's own and left out. Throws TcError BAD_PINNING.
 */
export function parsePinning(text: string): Record<number, string> {
  const scopes: Record<number, string> = {}
  for (const [n, raw] of text.split('\n').entries()) {
    const line = raw.replace(/^[ \t]+/, '')
    if (line === '' || line.startsWith('#')) continue
    const number = scanInteger(line, 0)
    const folder = number && /^\s+(\S+)/.exec(line.slice(number.end))?.[1]
    if (!number || folder === undefined)
      throw new TcError(
        'BAD_PINNING',
        `Database is corrupted at: ${line.slice(0, 80)}`,
        { line: n + 1 },
        'write a number and a folder',
      )
    if (number.value > PIN_GLOBAL_NS) scopes[number.value] = folder.replace(/^\/+|\/+$/g, '')
  }
  return scopes
}
