import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { BenchError } from '../errors.ts'
import { benchFolder } from '../folders.ts'

/** Operations on a map's elements from outside of programs. */
export type HostOperation = 'lookup' | 'update' | 'insert' | 'delete' | 'iterate' | 'batch' | 'push'

/** Compiles `syscalls.c`, which times bpf(2) without anything around it. Throws BenchError where there is no C compiler. */
export class CallsProgram {
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'skep-bench-'))
  readonly #file: string = join(this.#folder, 'syscalls')

  constructor() {
    try {
      execFileSync('cc', ['-O2', '-o', this.#file, join(benchFolder, 'src/maps/syscalls.c')], {
        stdio: 'pipe',
      })
    } catch (cause) {
      this.close()
      throw new BenchError('REFUSED', 'cc does not compile syscalls.c; install a C compiler', cause)
    }
  }

  open(fd: number, entries: number, valueBytes: number, keyBytes: number): Calls {
    const args = [entries, valueBytes, keyBytes].map(String)
    return new Calls(spawn(this.#file, args, { stdio: ['pipe', 'pipe', 'inherit', fd] }))
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
  async time(operation: HostOperation, count: number): Promise<number> {
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
