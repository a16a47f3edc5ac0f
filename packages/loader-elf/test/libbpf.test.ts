import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ParseElfOptions, parseElf } from '../src/index.ts'
import { comparable, expectation, type Recorded } from './recorded.ts'

const testdata = new URL('../testdata/', import.meta.url)
const shared = new URL('../../../apps/cli/testdata/', import.meta.url)
const read = (name: string): Uint8Array => {
  const own = new URL(name, testdata)
  return new Uint8Array(readFileSync(existsSync(own) ? own : new URL(name, shared)))
}

/** What the recorder was given besides the object. */
const options: Readonly<Record<string, () => ParseElfOptions>> = {
  'core.o': () => ({ kernelBtf: read('core_kernel.btf') }),
  'kconfig.o': () => ({
    kconfig: readFileSync(new URL('kconfig.txt', testdata), 'utf8'),
    // The kernel that recorded it: 6.18.44.
    kernelVersion: (6 << 16) | (18 << 8) | 44,
  }),
}

const lines = readFileSync(new URL('libbpf/recorded.jsonl', testdata), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { object: string; libbpf: Recorded })

describe('parseElf gives what libbpf gives to the kernel', () => {
  it('for many objects', () => {
    expect(lines.length).toBeGreaterThan(40)
    expect(lines.filter((l) => l.libbpf.error).length).toBe(0)
  })

  it.each(lines)('for $object', ({ object, libbpf }) => {
    const spec = parseElf(read(object), options[object]?.())
    expect(comparable(spec, libbpf)).toEqual(expectation(libbpf))
  })
})
