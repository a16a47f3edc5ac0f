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

/**
 * Runs an iterator program (`SEC("iter/…")`) over elements and gives the text that it writes (bpf_seq_write, bpf_seq_printf),
 * as reading its file does. An element is what follows `meta` in the program's context, pointers as arena addresses; behind
 * the last the program runs once more, for null. The text of a program that returns 1 is dropped, and the element tried
 * again. Throws RuntimeError BAD_OPTION for an element whose text never fits, ProgramFault as every run.
 */
export function runIterator(program: Program, elements: Iterable<readonly bigint[]>): Uint8Array {
  const { arena } = program.host
  const all = [...elements]
  const fields = Math.max(1, ...all.map((element) => element.length))
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

    const show = (element: readonly bigint[], number: number): void => {
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
    all.forEach(show)
    show([], all.length)
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
