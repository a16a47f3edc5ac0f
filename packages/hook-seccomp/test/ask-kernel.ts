import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ClassicInsn, encodeClassic } from '@skep/isa'

/** A C program of this folder, compiled while tests need it; undefined, with the reason, where that cannot be. */
export interface Helper {
  readonly missing: string | undefined
  run(input: Uint8Array): Buffer
  remove(): void
}

/** Compiles one of the folder's C programs, linked with libraries. */
export function compileHelper(name: string, libraries: readonly string[] = []): Helper {
  const directory = mkdtempSync(join(tmpdir(), 'skep-seccomp-'))
  const binary = join(directory, 'helper')
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url))
  const missing = (): string | undefined => {
    if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64'
    const flags = libraries.map((library) => `-l${library}`)
    const made = spawnSync('cc', ['-O1', '-o', binary, source, ...flags], { encoding: 'utf8' })
    if (made.error !== undefined) return 'there is no C compiler'
    return existsSync(binary) ? undefined : `${name}.c does not compile: ${made.stderr.split('\n')[0]}`
  }
  return {
    missing: missing(),
    run: (input) => {
      const { status, stdout, stderr } = spawnSync(binary, { input, maxBuffer: 1 << 28, timeout: 600_000 })
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`)
      return stdout
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** A call to make for real. */
export interface KernelCall {
  /** With int 0x80, the way of 32 bits. */
  readonly narrow?: boolean
  readonly nr: number
  readonly args: readonly bigint[]
}

export interface KernelCase {
  /** Oldest first. */
  readonly filters: readonly (readonly ClassicInsn[])[]
  readonly calls: readonly KernelCall[]
}

/** What became of a call. */
export interface KernelAnswer {
  readonly kind: 'returned' | 'trapped' | 'killed' | 'refused'
  readonly value: number
}

const KINDS = ['returned', 'trapped', 'killed', 'refused'] as const

/** Makes each call in a child of its own under the filters of its case. */
export function askKernel(helper: Helper, cases: readonly KernelCase[]): KernelAnswer[][] {
  const parts: Uint8Array[] = []
  const words = (...values: number[]): void =>
    void parts.push(new Uint8Array(Uint32Array.from(values).buffer))
  words(cases.length)
  for (const { filters, calls } of cases) {
    words(filters.length)
    for (const insns of filters) {
      words(insns.length)
      parts.push(encodeClassic(insns))
    }
    words(calls.length)
    for (const { narrow, nr, args } of calls) {
      words(narrow ? 1 : 0, nr)
      parts.push(new Uint8Array(BigUint64Array.from({ length: 6 }, (_, n) => args[n] ?? 0n).buffer))
    }
  }
  const answers = helper.run(Buffer.concat(parts))
  let at = 0
  return cases.map(({ calls }) =>
    calls.map(() => {
      const kind = KINDS[Number(answers.readBigInt64LE(at))]!
      const value = Number(answers.readBigInt64LE(at + 8))
      at += 16
      return { kind, value }
    }),
  )
}
