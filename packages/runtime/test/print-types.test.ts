import { readFileSync } from 'node:fs'
import { BTF_KIND, BTF_SHOW, type Btf, createKernelTypes, parseBtf } from '@skep/btf'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createDefaultPlatform, createRuntime, parseObject, runIterator } from '../src/index.ts'
import { engines, failure, packet } from './hostile-tools.ts'

// Objects of the kernel's types as text: bpf_snprintf_btf and bpf_seq_printf_btf, byte for byte what the kernel prints.

const RUNS = Number(process.env['SKEP_RUNS'] ?? 150)
const spec = parseObject(
  readFileSync(new URL('../testdata/print_types.o', import.meta.url)),
  createDefaultPlatform(),
)
const available = await isKernelAvailable()
const kernelBtf = available.ok ? readFileSync('/sys/kernel/btf/vmlinux') : undefined

const OBJECT = 512
const MOST = 8192
const zero = new Uint8Array(4)
const at = (name: string): number => spec.variables.find((variable) => variable.name === name)!.offset
const bss = spec.maps.find((map) => map.name.endsWith('.bss'))!

interface Ask {
  readonly id: number
  readonly object: Uint8Array
  readonly flags?: number
  readonly room?: number
  readonly address?: bigint
}

function asked({ id, object, flags = 0, room = MOST, address = 0n }: Ask): Uint8Array {
  const bytes = new Uint8Array(bss.valueSize)
  const view = new DataView(bytes.buffer)
  bytes.set(object.subarray(0, OBJECT), at('object'))
  bytes.fill(0x7e, at('text'), at('text') + MOST)
  view.setUint32(at('type_id'), id, true)
  view.setUint32(at('room'), room, true)
  view.setBigUint64(at('flags'), BigInt(flags), true)
  view.setBigUint64(at('address'), address, true)
  return bytes
}

/** What was printed, and how much it would have been. */
function answer(bytes: Uint8Array): { text: string; result: bigint } {
  const text = bytes.subarray(at('text'), at('text') + MOST)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return {
    // All of it: what lies behind the text stays as it was.
    text: Buffer.from(text).toString('latin1').replace(/~+$/, '~'),
    result: view.getBigInt64(at('result'), true),
  }
}

/** Types of objects that fit, and whose elements are no types that the kernel's printer does not expect. */
function printable(btf: Btf): number[] {
  const kinds = ['STRUCT', 'UNION', 'ENUM', 'ENUM64', 'INT', 'PTR', 'ARRAY'] as const
  const shown: ReadonlySet<number> = new Set(kinds.map((kind) => BTF_KIND[kind]))
  const ids: number[] = []
  for (let id = 1; id < btf.first + btf.count; id++) {
    const kind = btf.kind(id)
    const size = btf.size(id)
    if (size === undefined || size === 0 || size > OBJECT) continue
    if (shown.has(kind) || (kind === BTF_KIND.TYPEDEF && shown.has(btf.kind(btf.resolve(id))))) ids.push(id)
  }
  return ids
}

describe.skipIf(!kernelBtf).each(engines)('objects of the kernel’s types on %s', (engine) => {
  const { PTR_RAW, COMPACT, NONAME, ZERO } = BTF_SHOW
  let btf: Btf
  let here: (ask: Ask, program?: string) => ReturnType<typeof answer>
  let there: typeof here
  let texts: (id: number, objects: readonly Uint8Array[], flags: number) => [mine: string, its: string]

  beforeAll(async () => {
    btf = parseBtf(kernelBtf!)
    const kernel = await openKernel()
    const runtime = await createRuntime({
      engine,
      kernelBtf: kernelBtf!,
      providers: { types: createKernelTypes(kernelBtf!) },
    })
    const loaded = await runtime.load(spec)
    const reference = loadCollection(kernel, spec)
    const theirs = (name: string) => {
      const program = reference.programs.get(name)!
      if (!program.ok) throw new Error(program.log)
      return program
    }
    here = (ask, program = 'print') => {
      loaded.map(bss.name).update(zero, asked(ask))
      loaded.program(program).testRun({ data: packet })
      return answer(loaded.map(bss.name).lookup(zero)!)
    }
    there = (ask, program = 'print') => {
      reference.maps.get(bss.name)!.update(zero, asked(ask))
      theirs(program).testRun({ dataIn: packet })
      return answer(reference.maps.get(bss.name)!.lookup(zero)!)
    }
    texts = (id, objects, flags) => {
      const bytes = asked({ id, object: new Uint8Array(0), flags })
      loaded.map(bss.name).update(zero, bytes)
      reference.maps.get(bss.name)!.update(zero, bytes)
      for (const [n, object] of objects.entries()) {
        const key = new Uint8Array(Uint32Array.of(n).buffer)
        loaded.map('objects').update(key, object)
        reference.maps.get('objects')!.update(key, object)
      }
      const decode = (text: Uint8Array): string => Buffer.from(text).toString('latin1')
      return [
        decode(runIterator(loaded.program('print_all'), loaded.map('objects'))),
        decode(theirs('print_all').readIterator(reference.maps.get('objects')!)),
      ]
    }
    return () => {
      runtime.close()
      reference.close()
      kernel.close()
    }
  })

  const byte = fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
    fc.integer({ min: 0, max: 255 }),
  )
  const object = fc
    .tuple(fc.array(byte, { minLength: 96, maxLength: 96 }), fc.boolean())
    .map(([bytes, last]) => {
      const all = new Uint8Array(OBJECT)
      all.set(bytes, last ? OBJECT - 96 : 0)
      return all
    })
  const flags = fc.constantFrom(0, COMPACT, NONAME, ZERO, COMPACT | NONAME, COMPACT | ZERO, NONAME | ZERO, 11)

  it('bpf_snprintf_btf prints what the kernel prints', () => {
    const ids = printable(btf)
    expect(ids.length).toBeGreaterThan(1000)
    fc.assert(
      fc.property(
        fc.nat(ids.length - 1),
        object,
        flags,
        fc.constantFrom(MOST, MOST, 1, 20, 200),
        (n, bytes, how, room) => {
          const ask = { id: ids[n]!, object: bytes, flags: how | PTR_RAW, room }
          expect(here(ask), `type ${ids[n]} ${btf.kindName(ids[n]!)} ${btf.name(ids[n]!)}`).toEqual(
            there(ask),
          )
        },
      ),
      { numRuns: RUNS },
    )
  })

  it.each(['iphdr', 'tcphdr', 'in6_addr', 'timespec64', 'list_head', 'bpf_attr', 'sockaddr_in', 'ethhdr'])(
    'struct or union %s',
    (name) => {
      const id = btf.findByName(BTF_KIND.STRUCT, name) ?? btf.findByName(BTF_KIND.UNION, name)!
      const bytes = Uint8Array.from({ length: OBJECT }, (_, n) => (n * 37) & 255)
      for (const how of [0, COMPACT, NONAME, ZERO, COMPACT | NONAME | ZERO])
        for (const object of [bytes, new Uint8Array(OBJECT), new Uint8Array(OBJECT).fill(0x41, 2, 9)]) {
          const ask = { id, object, flags: how | PTR_RAW }
          expect(here(ask)).toEqual(there(ask))
        }
    },
  )

  it('what cannot be printed', () => {
    const id = btf.findByName(BTF_KIND.STRUCT, 'iphdr')!
    const object = new Uint8Array(OBJECT).fill(1)
    const asks: Ask[] = [
      { id: 0, object },
      { id: 0x8000_0000, object },
      { id: 0x7fff_ffff, object },
      { id, object, flags: 16 },
      { id, object, address: 8n },
      { id, object, address: 0xffff_ffff_ffff_f000n },
      { id: btf.findByName(BTF_KIND.FUNC, 'bpf_obj_drop_impl')!, object },
      { id: btf.findByName(BTF_KIND.FWD, 'bpf_offloaded_map') ?? id, object },
    ]
    for (const ask of asks)
      expect(here(ask), JSON.stringify({ ...ask, object: 0, address: 0 })).toEqual(there(ask))
    expect(here({ id, object }, 'print_short')).toEqual(there({ id, object }, 'print_short'))
  })

  it('bpf_seq_printf_btf prints what the kernel prints', () => {
    const ids = printable(btf)
    fc.assert(
      fc.property(fc.nat(ids.length - 1), object, object, flags, (n, a, b, how) => {
        const [mine, its] = texts(ids[n]!, [a, b], how | PTR_RAW)
        expect(mine).toBe(its)
        expect(mine.length).toBeGreaterThan(1)
      }),
      { numRuns: RUNS / 5 },
    )
  })

  it('without the kernel’s types they are refused by name', async () => {
    using runtime = await createRuntime({ engine })
    expect(await failure(runtime.load({ ...spec, programs: spec.programs.slice(0, 1) }))).toMatchObject({
      code: 'ABSENT',
      message: expect.stringMatching(/bpf_snprintf_btf.*give createRuntime\(\{ providers: \{ types \} \}\)/),
    })
  })
})
