import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Recorded } from '../../../../packages/loader-elf/test/recorded.ts'

/** What libbpf does with an object: what it gives to the kernel, or its reason for refusing it. */
export type Answer =
  | { readonly kind: 'taken'; readonly record: Recorded; readonly version: string }
  | { readonly kind: 'refused'; readonly errno: number; readonly reason: string }
  /** libbpf ended without an answer: a signal, or too much time. */
  | { readonly kind: 'crashed'; readonly reason: string }

const TIMEOUT_MS = 60_000

/** libbpf behind a program that stands in for the kernel (packages/loader-elf/testdata/libbpf/record.c). */
export class Reference {
  readonly version: string
  readonly #folder: string
  readonly #program: string

  /** Compiles it. Throws Error with the compiler's words. */
  constructor(source: string, libbpf?: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'skep-objects-'))
    this.#program = join(this.#folder, 'record')
    const library =
      libbpf === undefined
        ? ['-lbpf']
        : [`-I${libbpf}/usr/include`, `-L${libbpf}/usr/lib64`, '-l:libbpf.a', '-lelf', '-lz']
    const gcc = spawnSync('gcc', ['-O1', '-w', '-o', this.#program, source, ...library, '-ldl'], {
      encoding: 'utf8',
    })
    if (gcc.status !== 0) {
      this.close()
      throw new Error(`the recorder does not compile: ${gcc.error?.message ?? gcc.stderr}`)
    }
    this.version = spawnSync(this.#program, ['--version'], { encoding: 'utf8' }).stdout.trim()
  }

  ask(object: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.#program, [object], { timeout: TIMEOUT_MS })
      const out: Buffer[] = []
      const err: Buffer[] = []
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
      child.on('error', reject)
      child.on('close', (status, signal) => {
        const reason = Buffer.concat(err).toString('utf8').trim()
        if (status !== 0) resolve({ kind: 'crashed', reason: signal ?? `status ${status}` })
        else
          resolve(
            this.#answer(
              JSON.parse(Buffer.concat(out).toString('utf8')) as Recorded,
              reason.replaceAll(object, basename(object)),
            ),
          )
      })
    })
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #answer(record: Recorded, reason: string): Answer {
    if (record.error === undefined) return { kind: 'taken', record, version: this.version }
    return { kind: 'refused', errno: record.error, reason: reason.replaceAll('libbpf: ', '') }
  }
}
