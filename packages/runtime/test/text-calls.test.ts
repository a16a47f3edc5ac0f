import { readFileSync } from 'node:fs'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDefaultPlatform, createRuntime, parseObject } from '../src/index.ts'
import { engines, packet } from './hostile-tools.ts'

// Numbers and texts, and records by dynptrs: programs on both engines and in the kernel.

const RUNS = Number(process.env['SKEP_RUNS'] ?? 60)
const spec = parseObject(
  readFileSync(new URL('../testdata/text_calls.o', import.meta.url)),
  createDefaultPlatform(),
)
const available = await isKernelAvailable()
const bss = spec.maps.find((map) => map.name.endsWith('.bss'))!
const at = (name: string): number => spec.variables.find((variable) => variable.name === name)!.offset
const zero = new Uint8Array(4)

function globals(input: string, flags: number): Uint8Array {
  const bytes = new Uint8Array(bss.valueSize)
  bytes.set(Buffer.from(input, 'latin1').subarray(0, 16), at('input'))
  new DataView(bytes.buffer).setBigUint64(at('flags'), BigInt(flags), true)
  return bytes
}

describe.skipIf(!available.ok).each(engines)('texts and records on %s', (engine) => {
  const piece = fc.constantFrom(
    '0',
    '1',
    '7',
    '12',
    ' ',
    'ab',
    '0x',
    '-',
    '\t',
    '\0',
    '9223372036854775807',
    'ff',
    'é',
  )
  const input = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''))
  const flags = fc.constantFrom(0, 8, 10, 16, 2, 0x20)

  it.each([
    ['texts', 'bpf_strtol, bpf_strtoul, bpf_strncmp, bpf_snprintf'],
    ['records', 'bpf_ringbuf_reserve_dynptr, _submit_dynptr, _discard_dynptr, _query, bpf_ringbuf_discard'],
  ])('%s: %s', async (name) => {
    const kernel = await openKernel()
    using reference = loadCollection(kernel, spec)
    const theirs = reference.programs.get(name)!
    if (!theirs.ok) throw new Error(theirs.log)
    using runtime = await createRuntime({ engine })
    const here = await runtime.load(spec)
    fc.assert(
      fc.property(input, flags, (text, how) => {
        here.map(bss.name).update(zero, globals(text, how))
        reference.maps.get(bss.name)!.update(zero, globals(text, how))
        const { retval } = here.program(name).testRun({ data: packet })
        expect(retval).toBe(theirs.testRun({ dataIn: packet }).retval)
        const [mine, its] = [here.map(bss.name).lookup(zero)!, reference.maps.get(bss.name)!.lookup(zero)!]
        expect(Buffer.from(mine).toString('hex')).toBe(Buffer.from(its).toString('hex'))
      }),
      { numRuns: RUNS },
    )
    kernel.close()
  })
})
