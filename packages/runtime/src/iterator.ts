import type { HostMap } from '@skep/maps'
import type { Arena } from '@skep/memory'
import { control, seqLayout as layout } from '@skep/registry'
import { RuntimeError } from './errors.ts'
import type { Program } from './program.ts'

/** PAGE_SIZE, doubled when an element's text does not fit, up to KMALLOC_MAX_SIZE. */
const FIRST_ROOM = 4096
const MOST_ROOM = 1 << 22
/** bpf_iter_run_prog: 0 is fine, anything else asks for the element again. */
const SHOWN = 0
/** Rounds for an element that asks for itself again. */
const MOST_TRIES = 16

let sessions = 0n

type Element = readonly bigint[]

/** Fields of struct bpf_iter__bpf_map_elem behind `meta`. */
const MAP_FIELDS = 3

/**
 * Elements of a map as `iter/bpf_map_elem` programs see them: the map, a copy of the key, and the value in place, or of a
 * per-CPU map the values of all CPUs as a copy. Those deleted meanwhile are left out.
 */
function* mapElements(map: HostMap, arena: Arena): Generator<Element> {
  const perCpu = map.hostValueSize !== map.valueSize
  const key = arena.alloc(map.keySize)
  const copy = perCpu ? arena.alloc(map.hostValueSize) : 0
  try {
    for (let next = map.nextKey(); next; next = map.nextKey(next)) {
      const values = perCpu ? map.lookup(next) : undefined
      const value = perCpu ? copy : map.lookupAddress(next)
      if (perCpu ? !values : value === 0) continue
      if (values) arena.u8.set(values, copy)
      arena.u8.set(next, key)
      yield [BigInt(map.address), BigInt(key), BigInt(value)]
    }
  } finally {
    if (perCpu) arena.free(copy)
    arena.free(key)
  }
}

/** bpf_iter_attach_map: a program that reads past the keys, or past the values, is not for this map. */
function checkRoom({ name, bufferAccess }: Program, map: HostMap): void {
  const { rdonly, rdwr } = bufferAccess
  const [what, reached, size] =
    rdonly > map.keySize ? ['key', rdonly, map.keySize] : ['value', rdwr, map.hostValueSize]
  if (reached <= size) return
  throw new RuntimeError(
    'BAD_OPTION',
    name,
    `${name} reads ${reached} bytes of a ${what}, and those of the map have ${size}; iterate over a map that it is made for`,
    'EACCES',
  )
}

const isMap = (elements: Iterable<Element> | HostMap): elements is HostMap => 'nextKey' in elements

/**
 * Runs an iterator program (`SEC("iter/…")`) over a map's elements, or over others, and gives the text that it writes
 * (bpf_seq_write, bpf_seq_printf), as reading its file does. Of others an element is what follows `meta` in the program's
 * context, pointers as arena addresses. Behind the last the program runs once more, for null. The text of a program that
 * returns 1 is dropped, and the element tried again. Throws RuntimeError BAD_OPTION for an element whose text never fits and,
 * with EACCES, for a map whose keys or values are shorter than what the program reads of them,
 * ProgramFault as every run.
 */
export function runIterator(program: Program, elements: Iterable<Element> | HostMap): Uint8Array {
  const { arena } = program.host
  const overMap = isMap(elements)
  if (overMap) checkRoom(program, elements)
  const all = overMap ? mapElements(elements, arena) : [...elements]
  const fields = Array.isArray(all) ? Math.max(1, ...all.map((element) => element.length)) : MAP_FIELDS
  const contextSize = 8 * (1 + fields)
  const size = control.RUN_HEADER_SIZE + contextSize + layout.META_SIZE + layout.SEQ_FILE_SIZE
  const block = arena.alloc(size)
  let buffer = arena.alloc(FIRST_ROOM)
  let room = FIRST_ROOM
  const chunks: Uint8Array[] = []
  try {
    arena.u8.fill(0, block, block + size)
    const context = block + control.RUN_HEADER_SIZE
    const meta = context + contextSize
    const file = meta + layout.META_SIZE
    const put = (address: number, value: bigint): void => arena.view.setBigUint64(address, value, true)
    put(context, BigInt(meta))
    put(meta + layout.META_SEQ, BigInt(file))
    put(meta + layout.META_SESSION, sessions++)

    const show = (element: Element, number: number): void => {
      for (let tries = 0; tries < MOST_TRIES; ) {
        put(meta + layout.META_NUMBER, BigInt(number))
        for (let n = 0; n < fields; n++) put(context + 8 * (n + 1), BigInt.asUintN(64, element[n] ?? 0n))
        put(file + layout.SEQ_BUFFER, BigInt(buffer))
        put(file + layout.SEQ_SIZE, BigInt(room))
        put(file + layout.SEQ_COUNT, 0n)
        const verdict = program.run(context)
        const count = Number(arena.view.getBigUint64(file + layout.SEQ_COUNT, true))
        if (count >= room && room < MOST_ROOM) {
          arena.free(buffer)
          room *= 2
          buffer = arena.alloc(room)
          continue
        }
        if (verdict === SHOWN && count < room) {
          chunks.push(arena.u8.slice(buffer, buffer + count))
          return
        }
        tries++
      }
      throw new RuntimeError(
        'BAD_OPTION',
        program.name,
        `${program.name}: element ${number} was not shown in ${MOST_TRIES} tries; return 0, and at most ${MOST_ROOM} bytes an element`,
        'EAGAIN',
      )
    }
    let number = 0
    for (const element of all) show(element, number++)
    // The end has the number of the last element (bpf_seq_read).
    show(overMap ? [BigInt(elements.address)] : [], Math.max(number - 1, 0))
  } finally {
    arena.free(buffer)
    arena.free(block)
  }
  const text = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    text.set(chunk, at)
    at += chunk.length
  }
  return text
}
