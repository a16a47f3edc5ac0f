import { TcAttachError } from './errors.ts'

/** Programs of one place at most (BPF_MPROG_MAX). */
const MOST = 64

/** Where something goes among others: before or behind what the functions find, or all where they find nothing. */
export interface Relative<T> {
  readonly before?: (() => T | undefined) | undefined
  readonly after?: (() => T | undefined) | undefined
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
  insert(item: T, relative: Relative<T>, same: (other: T) => boolean): void {
    this.#check(relative.revision)
    if (this.#list.some(same))
      throw new TcAttachError('EXISTS', 'the program is attached there already; give another one')
    if (this.#list.length === MOST)
      throw new TcAttachError('RANGE', `${MOST} programs are attached there, and there is room for no more`)
    const at = this.#place(relative)
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

  /** As in the kernel, no place is both before and after something. */
  #place({ before, after }: Relative<T>): number {
    const first = before && this.#find(before(), 0)
    const behind = after && this.#find(after(), this.#list.length - 1) + 1
    if (first === undefined || behind === undefined) return first ?? behind ?? this.#list.length
    throw new TcAttachError('RANGE', 'no place is before the one and after the other; leave one of them out')
  }

  #find(item: T | undefined, otherwise: number): number {
    if (item === undefined) return otherwise
    const at = this.#list.indexOf(item)
    if (at >= 0) return at
    throw new TcAttachError('NOT_FOUND', 'what was given as before or after is not attached there')
  }

  #change(list: readonly T[]): void {
    this.#list = list
    this.#revision++
  }
}
