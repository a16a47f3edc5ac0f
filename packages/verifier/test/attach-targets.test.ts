import { readFile } from 'node:fs/promises'
import { BTF_KIND, type Btf, parseBtf } from '@skep/btf'
import { openKernel, verifyRow } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { createVerifier, parseKallsyms, specFromRow } from '../src/index.ts'
import { type Case, rowOf } from './case.ts'
import { comparable } from './comparable.ts'
import { platform } from './platform.ts'
import { kernelBtf, missing } from './reference.ts'

// Every member of the struct_ops, every tracepoint and every iterator of the running kernel as the target of small
// programs: each argument with each size, stores to the structs that arguments point to, helpers, results, symbols. A
// sample of one in hundreds; ATTACH_MATRIX=20 takes 20 times as many, some minutes.

const SIZES = ['u8', 'u16', 'u32', 'u64'] as const
const WIDTH = { u8: 1, u16: 2, u32: 4, u64: 8 } as const
const END = 'r0 = 0\nexit'
const STRUCTS = ['tcp_congestion_ops', 'bpf_dummy_ops']
const HELPERS = [5, 6, 14, 35, 49, 57, 94, 107, 108, 113, 116, 125, 130, 153, 156, 160]

function* structOps(btf: Btf): Generator<Case> {
  for (const struct of STRUCTS) {
    const id = btf.findByName(BTF_KIND.STRUCT, struct)
    if (id === undefined) continue
    for (const { name } of btf.members(id)) {
      const to = `${struct}:${name}`
      const on = (asm: string, more: Partial<Case> = {}): Case => ({
        name: to,
        type: 'struct_ops',
        to,
        asm,
        ...more,
      })
      yield* loads(on, 6)
      yield on(`*(u64 *)(r1 + 0) = 1\n${END}`)
      yield on(END, { flags: 16 })
      yield on(END, { license: 'BSD' })
      for (const result of ['', 'r0 = r1\n', 'r0 = 5\n', 'r0 = *(u64 *)(r1 + 0)\n']) yield on(`${result}exit`)
      for (const helper of HELPERS) {
        yield on(`r1 = *(u64 *)(r1 + 0)\nr2 = 1\nr3 = 1\nr4 = 0\nr5 = 0\ncall ${helper}\n${END}`)
      }
      yield* fields(on, struct === 'bpf_dummy_ops' ? 12 : 2600)
    }
  }
}

/** Every argument with every size. */
function* loads(on: (asm: string) => Case, count: number): Generator<Case> {
  for (let off = 0; off < count * 8; off += 4) {
    for (const size of SIZES) yield on(`r2 = *(${size} *)(r1 + ${off})\n${END}`)
  }
}

/** What the first argument points to, loaded and stored to. */
function* fields(on: (asm: string) => Case, end: number): Generator<Case> {
  for (let off = 0; off < end; off++) {
    for (const size of SIZES) {
      if (off % WIDTH[size]) continue
      const pointer = 'r2 = *(u64 *)(r1 + 0)\nif r2 == 0 goto out\n'
      yield on(`${pointer}*(${size} *)(r2 + ${off}) = 1\nout:\n${END}`)
      yield on(`${pointer}r3 = *(${size} *)(r2 + ${off})\nout:\n${END}`)
    }
  }
}

function* targets(btf: Btf): Generator<Case> {
  for (let id = 1; id < btf.count; id++) {
    const name = btf.name(id)
    const tracepoint = btf.kind(id) === BTF_KIND.TYPEDEF && name.startsWith('btf_trace_')
    const iterator = btf.kind(id) === BTF_KIND.FUNC && /^bpf_iter_(?!.*_(?:new|next|destroy)$)/.test(name)
    if (!tracepoint && !(iterator && known.has(name))) continue
    const attach = tracepoint ? 'trace_raw_tp' : 'trace_iter'
    const on = (asm: string, more: Partial<Case> = {}): Case => ({
      name,
      type: 'tracing',
      attach,
      to: name,
      asm,
      ...more,
    })
    yield* loads(on, 5)
    yield on(`*(u64 *)(r1 + 0) = 1\n${END}`)
    yield on(END, { flags: 16 })
    for (const result of ['exit', 'r0 = 1\nexit', 'r0 = 2\nexit', 'r0 = r1\nexit']) yield on(result)
    for (let arg = 0; arg < 5; arg++) {
      yield on(`r2 = *(u64 *)(r1 + ${arg * 8})\nr3 = *(u64 *)(r2 + 8)\nr4 = *(u64 *)(r3 + 16)\n${END}`)
    }
  }
}

const known = new Set(
  Object.keys(platform.programTypes.get('tracing')!.attachTypes!['trace_iter']!.targetArgs ?? {}),
)

function* symbols(btf: Btf): Generator<Case> {
  for (let id = 0; id < btf.count; id++) {
    const load = `r2 = symbol ${id}`
    const on = (asm: string): Case => ({
      name: `symbol ${id}`,
      type: 'raw_tracepoint',
      asm: `${asm}\n${END}`,
    })
    yield on(load)
    yield on(`${load}\nr3 = *(u8 *)(r2 + 0)`)
    yield on(`${load}\nr1 = r2\nr2 = 0\ncall 153`)
    yield on(`${load}\nr1 = r10\nr1 += -8\nr3 = r2\nr2 = 8\ncall 113`)
  }
}

describe.skipIf(missing)(missing ? `the running kernel (skipped: ${missing})` : 'the running kernel', () => {
  const share = Number(process.env['ATTACH_MATRIX'] ?? 1)
  const btf = missing || !kernelBtf ? undefined : parseBtf(kernelBtf)

  it.each([
    ['struct_ops', structOps, 211],
    ['tracepoints and iterators', targets, 97],
    ['symbols', symbols, 1999],
  ] as const)(
    'says the same of programs on its %s',
    async (_, generate, every) => {
      const verifier = await createVerifier(platform, {
        ...(kernelBtf ? { kernelBtf } : {}),
        kernelSymbols: () => kallsyms,
      })
      const kallsyms = parseKallsyms(await readFile('/proc/kallsyms', 'latin1'))
      using kernel = await openKernel()
      const differences: string[] = []
      let at = 0
      let programs = 0
      for (const test of generate(btf!)) {
        if (at++ % Math.max(1, Math.floor(every / share)) !== 0) continue
        const row = symbolRow(test)
        const theirs = verifyRow(kernel, row, { log: true, logLevel: 2 })
        const ours = verifier.verify({ ...specFromRow(row, platform), logLevel: 2 })
        programs++
        const errno = ours.verdict === 'accept' ? undefined : ours.errno
        const same = ours.verdict === theirs.verdict && errno === theirs.errno
        if (same && String(comparable(ours.log())) === String(comparable(theirs.log ?? ''))) continue
        differences.push(`${test.name}: ${test.asm}\nkernel: ${theirs.log}\nhere: ${ours.log()}`)
      }
      expect(programs).toBeGreaterThan(100)
      expect(differences.slice(0, 5)).toEqual([])
    },
    60_000 * share,
  )
})

/** The row of a case; `symbol ID` in its text is a symbol of the kernel by its number. */
function symbolRow(test: Case) {
  const found = /symbol (\d+)/.exec(test.asm)
  if (!found) return rowOf(test)
  const row = rowOf({ ...test, asm: test.asm.replace(/r2 = symbol (\d+)/, 'lddw r2, $1') })
  return { ...row, insns: row.insns.replace(/^1802/, '1832') }
}
