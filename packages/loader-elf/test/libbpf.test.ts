import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
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

// Any other objects: `testdata/build.sh --record DIRECTORY > FILE`, then
// `SKEP_OBJECTS=DIRECTORY SKEP_RECORDED=FILE npx vitest run test/libbpf.test.ts`.
const { SKEP_OBJECTS: directory, SKEP_RECORDED: file } = process.env

describe.skipIf(!directory || !file)('parseElf, compared with a record of other objects', () => {
  const rows = (file ? readFileSync(file, 'utf8').trim().split('\n') : [])
    .map((line) => JSON.parse(line) as { object: string; libbpf: Recorded | null })
    // What libbpf refuses, or what makes it crash, it says nothing about.
    .filter((row) => row.libbpf && !row.libbpf.error)

  it.each(rows)('gives what libbpf gives for $object', ({ object, libbpf }) => {
    const bytes = new Uint8Array(readFileSync(new URL(object, pathToFileURL(`${directory}/`))))
    const kernel = '/sys/kernel/btf/vmlinux'
    const spec = parseElf(
      bytes,
      existsSync(kernel) ? { kernelBtf: new Uint8Array(readFileSync(kernel)) } : {},
    )
    expect(comparable(spec, libbpf!)).toEqual(expectation(libbpf!))
  })
})
