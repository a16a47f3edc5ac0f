import { readdirSync, readFileSync } from 'node:fs'
import { BTF_KIND, type Btf, parseBtf } from '@skep/btf'
import { kernelFunctions } from '@skep/helpers'
import { socketPlugin } from '@skep/hook-socket'
import { parseElf } from '@skep/loader-elf'
import { createPlatform, defineKfunc, definePlugin, type Platform, type ProgramSpec } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow } from '../src/index.ts'
import { describedKernel } from '../src/kfunc/described-kernel.ts'
import { rowOf } from './case.ts'
import { platform } from './platform.ts'
import { kernelBtf } from './reference.ts'

/** A type without its name, as far as calls are checked by it. */
function described(btf: Btf, type: number): string {
  const id = btf.resolve(type)
  const kind = btf.kind(id)
  if (kind === BTF_KIND.PTR) return `${described(btf, btf.target(id))} *`
  if (kind === BTF_KIND.VOID || kind === BTF_KIND.FUNC_PROTO) return btf.kindName(id)
  return kind === BTF_KIND.INT ? `integer of ${btf.size(id)}` : `${btf.kindName(id)} ${btf.name(id)}`
}

function signature(btf: Btf, name: string): string {
  const func = btf.findByName(BTF_KIND.FUNC, name)
  if (func === undefined) return 'none'
  const proto = btf.target(func)
  const params = btf.params(proto).map((p) => `${described(btf, p.type)} ${p.name}`)
  return `${described(btf, btf.target(proto))} (${params.join(', ')})`
}

const declared = kernelFunctions.filter((f) => f.prototype !== undefined)

describe.skipIf(!kernelBtf)('declarations of kernel functions', () => {
  it("are those of the running kernel's BTF, and its structs are of the sizes", () => {
    const theirs = parseBtf(kernelBtf!)
    const ours = describedKernel(platform).btf
    for (const { name, structs = {} } of declared) {
      expect([name, signature(ours, name)]).toEqual([name, signature(theirs, name)])
      for (const [struct, size] of Object.entries(structs)) {
        const id = theirs.findByName(BTF_KIND.STRUCT, struct)!
        expect([struct, size]).toEqual([struct, theirs.size(id)])
      }
    }
  })
})

interface Recorded {
  readonly object: string
  readonly program: string
  readonly verdict: 'accept' | 'reject'
  readonly errno?: string
  readonly line?: string
}

const FOLDER = new URL('../testdata/kfuncs/', import.meta.url)
const TYPES: ReadonlySet<string | number> = new Set([
  'sched_cls',
  'xdp',
  'syscall',
  'cgroup_skb',
  'socket_filter',
])
const BPF_GET_CURRENT_TASK_BTF = 158
/** Programs that read what bpf_cast_to_kern_ctx and CO-RE need the kernel's types for. */
const KERNEL_TYPED = /^kern_ctx_|^rdonly_cast_|^task_loaded_/
/** Log lines in front of the reason; see kfunc-objects.test.ts. */
const NOTE_FIRST: ReadonlySet<string> = new Set(['xdp_replaced_in_callback'])

/** A program that calls only functions that are declared, and takes nothing else from the kernel. */
function standsAlone(program: ProgramSpec): boolean {
  const names = program.references.flatMap((r) => (r.kind === 'kfunc' ? [r.name] : []))
  const calls = (id: number): boolean => {
    const view = new DataView(program.insns.buffer, program.insns.byteOffset, program.insns.length)
    for (let at = 0; at < program.insns.length; at += 8) {
      if (program.insns[at] === 0x85 && program.insns[at + 1] === 0 && view.getInt32(at + 4, true) === id)
        return true
    }
    return false
  }
  return (
    TYPES.has(program.type) &&
    names.length > 0 &&
    names.every((name) => platform.kfuncs.byName(name)?.prototype !== undefined) &&
    !calls(BPF_GET_CURRENT_TASK_BTF) &&
    !KERNEL_TYPED.test(program.name)
  )
}

describe("without a kernel's BTF", async () => {
  const verifier = await createVerifier(platform)
  // Loading some of the objects takes the kernel's types, for other programs in them.
  const objects = readdirSync(FOLDER).filter(
    (name) => name.endsWith('.o') && (kernelBtf || /^(objects|dynptrs|exceptions)\.o$/.test(name)),
  )
  const recorded = readFileSync(new URL('recorded.jsonl', FOLDER), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded)

  it.each(objects)('%s: verdicts and lines as recorded', (object) => {
    const spec = parseElf(readFileSync(new URL(object, FOLDER)), {
      platform,
      ...(kernelBtf ? { kernelBtf } : {}),
    })
    const programs = spec.programs.filter(standsAlone)
    const told = programs.map((program) => {
      const verdict = verifier.verify({ program, maps: spec.maps, ...(spec.btf ? { btf: spec.btf } : {}) })
      const { name } = program
      if (verdict.verdict === 'accept') return { program: name, verdict: 'accept' }
      return { program: name, verdict: 'reject', errno: verdict.errno, line: verdict.line }
    })
    const expected = programs.map(({ name }, i) => {
      const {
        processed: _,
        object: __,
        ...rest
      } = recorded.find((r) => r.object === object && r.program === name)! as Recorded & {
        readonly processed: number
      }
      const mine = told[i]!
      return NOTE_FIRST.has(name) && 'line' in mine ? { ...rest, line: mine.line } : rest
    })
    expect(programs.length).toBeGreaterThan(0)
    expect(told).toEqual(expected)
  })

  it('says of others that it needs the BTF', () => {
    const row = rowOf({
      name: 'task',
      type: 'syscall',
      flags: 16,
      asm: 'r1 = 1\nkcall bpf_task_from_pid\nr0 = 0\nexit',
    })
    expect(verifier.verify(specFromRow(row, platform))).toMatchObject({
      verdict: 'reject',
      line: "calling kernel function bpf_task_from_pid needs the kernel's BTF, which is not given",
    })
  })

  it('plugins declare functions with handles that must be given back', async () => {
    const any = { programTypes: 'all' } as const
    const own: Platform = createPlatform([
      socketPlugin,
      definePlugin({
        name: 'handles',
        kfuncs: [
          defineKfunc({
            name: 'acme_open',
            prototype: 'struct acme *acme_open(u32 number)',
            flags: ['acquire', 'ret_null'],
            ...any,
          }),
          defineKfunc({
            name: 'acme_close',
            prototype: 'void acme_close(struct acme *handle)',
            flags: ['release'],
            ...any,
          }),
        ],
      }),
    ])
    const handles = await createVerifier(own)
    const line = (asm: string): string => {
      const verdict = handles.verify(specFromRow(rowOf({ name: 'handles', asm }), own))
      return verdict.verdict === 'accept' ? 'accept' : verdict.line
    }
    const open = 'r1 = 1\nkcall acme_open\n'
    expect(line(`${open}if r0 == 0 goto +2\nr1 = r0\nkcall acme_close\nr0 = 0\nexit`)).toBe('accept')
    expect(line(`${open}r1 = r0\nkcall acme_close\nr0 = 0\nexit`)).toBe(
      'Possibly NULL pointer passed to trusted arg0',
    )
    expect(line(`${open}r0 = 0\nexit`)).toMatch(/^Unreleased reference/)
    expect(line(`${open}if r0 == 0 goto +1\nr1 = *(u64 *)(r0 + 0)\nr0 = 0\nexit`)).toMatch(
      /^access beyond struct acme/,
    )
  })
})
