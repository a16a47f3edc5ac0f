import { RuntimeError } from './errors.ts'
import type { Program } from './program.ts'

/** How long a collection's programs and memory live: until it is closed, and none of its programs is pinned any more. */
export class Lifetime {
  readonly #end: () => void
  readonly #links = new Set<{ readonly program: string; readonly close: () => void }>()
  readonly #pinned = new Map<Program, number>()
  #programs: readonly Program[] = []
  #closed = false
  #over = false

  /** `end` is called once: no program of the collection runs any more. */
  constructor(end: () => void) {
    this.#end = end
  }

  get over(): boolean {
    return this.#over
  }

  begin(programs: readonly Program[]): void {
    this.#programs = programs
  }

  /** A program is attached: `close` detaches it. Throws RuntimeError CLOSED. */
  link(program: string, close: () => void): () => void {
    if (this.#closed && ![...this.#pinned.keys()].some((p) => p.name === program))
      throw new RuntimeError('CLOSED', 'collection', 'the collection is closed; load it again')
    const link = { program, close }
    this.#links.add(link)
    return () => void this.#links.delete(link)
  }

  /** The program outlives the collection. Returns what takes it back. Throws RuntimeError CLOSED. */
  keep(program: Program): () => void {
    if (this.#closed && !this.#pinned.has(program))
      throw new RuntimeError(
        'CLOSED',
        program.name,
        `${program.name}: its collection is closed; load it again`,
      )
    this.#pinned.set(program, (this.#pinned.get(program) ?? 0) + 1)
    return () => this.#letGo(program)
  }

  #letGo(program: Program): void {
    const left = this.#pinned.get(program)! - 1
    if (left > 0) {
      this.#pinned.set(program, left)
      return
    }
    this.#pinned.delete(program)
    if (!this.#closed) return
    this.#detach((name) => name === program.name)
    program.retire()
    this.#settle()
  }

  /** Links end, those of pinned programs too; programs that are not pinned refuse to run. Closing twice is fine. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#detach(() => true)
    for (const program of this.#programs) if (!this.#pinned.has(program)) program.retire()
    this.#settle()
  }

  #detach(which: (program: string) => boolean): void {
    for (const link of [...this.#links]) {
      if (!which(link.program)) continue
      this.#links.delete(link)
      link.close()
    }
  }

  #settle(): void {
    if (this.#over || this.#pinned.size > 0) return
    this.#over = true
    this.#end()
  }
}
