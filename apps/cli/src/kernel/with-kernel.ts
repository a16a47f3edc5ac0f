import { type Kernel, LinuxUnavailableError, openKernel } from '@skep/linux'
import { Command } from 'commander'
import { RefusedError, UsageError } from '../report.ts'
import { wideJson } from '../wide-json.ts'

/** Options of every command on the running kernel's objects. */
export interface KernelOptions {
  readonly kernel?: boolean
  readonly json?: boolean
  readonly pretty?: boolean
}

/** A command with bpftool's words that works on the running kernel. */
export const kernelCommand = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .option('--kernel', 'of the running kernel')
    .option('-j, --json', 'answer with JSON, as bpftool does')
    .option('-p, --pretty', 'the same, by lines')

/** Opens the kernel for as long as `act` runs. */
export async function withKernel(
  name: string,
  options: KernelOptions,
  act: (kernel: Kernel, print: (json: unknown, text: () => string) => void) => void,
): Promise<void> {
  if (!options.kernel)
    throw new UsageError(`${name}: add --kernel: the objects are those of the running kernel`)
  let kernel: Kernel
  try {
    kernel = await openKernel()
  } catch (error) {
    if (error instanceof LinuxUnavailableError) throw new RefusedError(error.code, error.message)
    throw error
  }
  try {
    act(kernel, (json, text) => {
      const asJson = options.json || options.pretty
      const written = asJson ? wideJson(json, options.pretty === true) : text().trimEnd()
      if (written !== '') process.stdout.write(`${written}\n`)
    })
  } finally {
    kernel.close()
  }
}

/** What is left of a command line. */
export class Words {
  readonly #command: string
  readonly #words: readonly string[]
  #at = 0

  constructor(command: string, words: readonly string[]) {
    this.#command = command
    this.#words = words
  }

  get done(): boolean {
    return this.#at >= this.#words.length
  }

  get next(): string | undefined {
    return this.#words[this.#at]
  }

  /** Takes the word if it is one of these, which may be shortened as bpftool's. */
  take(...words: readonly string[]): string | undefined {
    const { next } = this
    const found = next === undefined || next === '' ? undefined : words.find((word) => word.startsWith(next))
    if (found !== undefined) this.#at++
    return found
  }

  /** The next word, whatever it is. */
  any(what: string): string {
    const { next } = this
    if (next === undefined) throw new UsageError(`${this.#command}: give ${what}`)
    this.#at++
    return next
  }

  /** Words up to one of these. */
  until(...stops: readonly string[]): string[] {
    const taken: string[] = []
    while (!this.done && !stops.includes(this.next!)) taken.push(this.any('a word'))
    return taken
  }

  number(what: string): number {
    const word = this.any(what)
    if (/^\d+$/.test(word)) return Number(word)
    throw new UsageError(`${this.#command}: ${word} is no ${what}`)
  }

  end(): void {
    if (!this.done) throw new UsageError(`${this.#command}: "${this.next}" is one word too many`)
  }
}

/** Opens the objects that words name by id, name, tag or path. Throws RefusedError where there is none. */
export function selected<T>(
  words: Words,
  find: {
    readonly what: string
    readonly all: () => T[]
    readonly byId: (id: number) => T | undefined
    readonly byPath: (path: string) => T | undefined
    readonly name: (one: T) => string
    readonly tag?: (one: T) => string
  },
): T[] {
  const { what } = find
  const kind = words.take('id', 'name', 'pinned', ...(find.tag ? ['tag'] : []))
  if (kind === undefined)
    throw new UsageError(`${what}: name it with id, name, pinned${find.tag ? ' or tag' : ''}`)
  const value = words.any(`the ${kind}`)
  const one = (found: T | undefined): T[] => (found === undefined ? [] : [found])
  const matching = {
    id: () => one(find.byId(Number(value))),
    pinned: () => one(find.byPath(value)),
    name: () => find.all().filter((each) => find.name(each) === value),
    tag: () => find.all().filter((each) => find.tag?.(each) === value),
  }[kind as 'id']()
  if (matching.length === 0) throw new RefusedError('ENOENT', `${what}: there is none of ${kind} ${value}`)
  return matching
}

/** The one object that words name. Throws RefusedError where there are several. */
export function selectedOne<T>(words: Words, find: Parameters<typeof selected<T>>[1]): T {
  const [one, ...others] = selected(words, find)
  if (others.length > 0)
    throw new RefusedError('AMBIGUOUS', `${find.what}: ${others.length + 1} match; name one by its id`)
  return one!
}
