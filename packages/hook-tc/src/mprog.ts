import { TcAttachError } from './errors.ts'

/** Programs of one place at most (BPF_MPROG_MAX). */
const MOST = 64

/** Where a program goes among others: `'first'` is before all, `'last'` after all. */
export interface Relative<T> {
  readonly before?: T | 'first' | undefined
  readonly after?: T | 'last' | undefined
  /** Of the list as the caller knows it. */
  readonly revision?: number | undefined
}

/**
 * Programs in their order with a revision, which each change raises: kernel/bpf/mprog.c. Whatever is added goes to the end
 * where nothing else is said. Throws TcAttachError STALE, EXISTS, NOT_FOUND, RANGE.
 */
export class Mprog<T> {
  #list: readonly T[] = []
  #revision = 1

  get list(): readonly T[] {
    return this.#list
  }

  get revision(): number {
    return this.#revision
  }

  /** `same` finds what must not be there twice. */
  insert(item: T, { before, after, revision }: Relative<T>, same: (other: T) => boolean): void {
    this.#check(revision)
    if (this.#list.some(same))
      throw new TcAttachError('EXISTS', 'the program is attached there already; give another one')
    if (this.#list.length === MOST)
      throw new TcAttachError('RANGE', `${MOST} programs are attached there, and there is room for no more`)
    const at = this.#place(before, after)
    this.#change([...this.#list.slice(0, at), item, ...this.#list.slice(at)])
  }

  /** Something of an item changed. */
  touch(): void {
    this.#revision++
  }

  remove(item: T): void {
    if (this.#list.includes(item)) this.#change(this.#list.filter((other) => other !== item))
  }

  #check(revision: number | undefined): void {
    if (revision === undefined || revision === 0 || revision === this.#revision) return
    throw new TcAttachError(
      'STALE',
      `the revision is ${this.#revision}, not ${revision}: others have changed the order; look again what is there`,
    )
  }

  #place(before: T | 'first' | undefined, after: T | 'last' | undefined): number {
    const count = this.#list.length
    const first = before === undefined ? undefined : before === 'first' ? 0 : this.#find(before)
    const behind = after === undefined ? undefined : after === 'last' ? count : this.#find(after) + 1
    if (first === undefined) return behind ?? count
    if (behind === undefined || behind === first) return first
    throw new TcAttachError('RANGE', 'no place is before the one and after the other; leave one of them out')
  }

  #find(item: T): number {
    const at = this.#list.indexOf(item)
    if (at >= 0) return at
    throw new TcAttachError('NOT_FOUND', 'what was given as before or after is not attached there')
  }

  #change(list: readonly T[]): void {
    this.#list = list
    this.#revision++
  }
}
