import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseElf } from '../src/index.ts'
import { comparable, expectation, type Recorded } from './recorded.ts'

const testdata = (name: string): string => fileURLToPath(new URL(`../testdata/${name}`, import.meta.url))
const KERNEL = '/sys/kernel/btf/vmlinux'
const HEADER = '/usr/include/bpf/libbpf.h'
const gcc = spawnSync('gcc', ['--version']).status === 0

// What it says depends on the kernel that runs, so nothing of it can be recorded.
describe.skipIf(!existsSync(KERNEL) || !existsSync(HEADER) || !gcc)(
  "CO-RE against the running kernel's types, as libbpf does it (needs gcc and libbpf)",
  () => {
    let folder = ''
    let recorded: Recorded
    let said: string
    let program: string
    const object = testdata('core_running.o')
    const spec = parseElf(readFileSync(object), { kernelBtf: readFileSync(KERNEL) })

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'skep-core-'))
      program = join(folder, 'record')
      const made = spawnSync('gcc', [
        '-O1',
        '-w',
        '-o',
        program,
        testdata('libbpf/record.c'),
        '-lbpf',
        '-ldl',
      ])
      expect(made.status, made.stderr.toString()).toBe(0)
      const run = spawnSync(program, [object], { env: { ...process.env, VERBOSE: '1' }, maxBuffer: 1 << 26 })
      recorded = JSON.parse(run.stdout.toString()) as Recorded
      said = run.stderr.toString()
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    it('relocates every kind to the same instructions', () => {
      expect(spec.programs.length).toBe(9)
      expect(comparable(spec, recorded)).toEqual(expectation(recorded))
    })

    it('has relocations of all thirteen kinds', () => {
      const kinds = new Set([...said.matchAll(/relo #\d+: <(\w+)>/g)].map(([, kind]) => kind))
      expect([...kinds].sort()).toEqual(
        [
          'byte_off',
          'byte_sz',
          'enumval_exists',
          'enumval_value',
          'field_exists',
          'local_type_id',
          'lshift_u64',
          'rshift_u64',
          'signed',
          'target_type_id',
          'type_exists',
          'type_matches',
          'type_size',
        ].sort(),
      )
    })

    it('refuses what two candidates answer differently, where the kernel has such', () => {
      const ambiguous = testdata('core_ambiguous.o')
      const theirs = JSON.parse(spawnSync(program, [ambiguous]).stdout.toString()) as Recorded
      const parse = () => parseElf(readFileSync(ambiguous), { kernelBtf: readFileSync(KERNEL) })
      if (theirs.error === undefined) expect(comparable(parse(), theirs)).toEqual(expectation(theirs))
      else expect(parse).toThrow(/<byte_off> .* struct workspace\.buf .* gives \d+, .* gives \d+/)
    })

    it('poisons the same instructions, and says the same of them', () => {
      // Of one relocation libbpf says what it is, then what becomes of it: of a wide instruction the second half first.
      const theirs = new Map<string, string>()
      const texts = new Map<string, string>()
      for (const line of said.split('\n')) {
        const [, program, relocation, rest] = /^libbpf: prog '(\w+)': relo #(\d+): (.*)$/.exec(line) ?? []
        const key = `${program} ${relocation}`
        if (rest?.startsWith('<')) texts.set(key, rest)
        const [, insn] = /^substituting insn #(\d+) w\/ invalid insn/.exec(rest ?? '') ?? []
        if (insn === undefined) continue
        theirs.set(
          key,
          `program ${program}: insn ${insn} is poisoned, failed to resolve CO-RE relocation ${texts.get(key)}`,
        )
      }
      const ours = spec.notes.filter((note) => note.includes('is poisoned'))
      expect(ours.length).toBeGreaterThan(8)
      const head = (note: string): string => note.split(': the field has another size')[0]!
      expect(ours.map(head).sort()).toEqual([...theirs.values()].sort())
    })
  },
)
