import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { BenchError } from '../errors.ts'
import { benchFolder } from '../folders.ts'

/** Operations on a map's elements from outside of programs. */
export type HostOperation =
  | 'lookup'
  | 'update'
  | 'insert'
  | 'delete'
  | 'iterate'
  | 'batch'
  | 'batch_update'
  | 'batch_delete'
  | 'push'
  | 'member'

/**
 * Compiles a C file beside this one, which times what a process does with a map without anything around it. Throws BenchError
 * where there is no C compiler.
 */
export class CallsProgram {
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'skep-bench-'))
  readonly #file: string = join(this.#folder, 'program')

  constructor(source: 'syscalls.c' | 'rings.c') {
    try {
      execFileSync('cc', ['-O2', '-o', this.#file, join(benchFolder, 'src/maps', source)], { stdio: 'pipe' })
    } catch (cause) {
      this.close()
      throw new BenchError('REFUSED', `cc does not compile ${source}; install a C compiler`, cause)
    }
  }

  /** A process that has the map as file descriptor 3. */
  open(fd: number, ...args: readonly (number | string)[]): Calls {
    return new Calls(spawn(this.#file, args.map(String), { stdio: ['pipe', 'pipe', 'inherit', fd] }))
  }

  close(): void {
    rmSync(this.#folder, { recursive: true })
  }
}

/** The process that calls. */
export class Calls {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(child: ChildProcess) {
    this.#child = child
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  }

  /** Nanoseconds of one operation. */
  async time(operation: HostOperation | number, count: number): Promise<number> {
    this.#child.stdin!.write(`${operation} ${count}\n`)
    const { value } = await this.#lines.next()
    const ns = Number(value)
    if (ns > 0) return ns
    throw new BenchError('CHILD', `the system calls of ${operation} failed: ${value}`)
  }

  close(): void {
    this.#child.stdin!.end()
  }
}
