import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { type CollectionSpec, createRuntime, type MapSpec, PinError } from '../src/index.ts'
import { decodePin, encodePin, type PinnedMap } from '../src/pin-file.ts'
import { createPinFolder } from '../src/pin-folder.ts'
import { bundle, temporary } from './workers/crew.ts'

let scripts: string
beforeAll(async () => {
  scripts = temporary()
  const path = (name: string): string => fileURLToPath(new URL(`pins/${name}.ts`, import.meta.url))
  await bundle([path('writer'), path('reader')], scripts)
}, 60_000)

const SIZE = 200_000
const pinned = (fill: number, size = SIZE): PinnedMap => ({
  definition: {
    name: 'm',
    type: 'array',
    keySize: 0,
    valueSize: size,
    maxEntries: 1,
    flags: 0,
    mapExtra: 0,
    cpus: 1,
    frozen: false,
  },
  contents: { keyBytes: 0, valueBytes: size, bytes: new Uint8Array(size).fill(fill) },
})

/** The one byte that the whole stored map consists of. */
async function stored(folder: string): Promise<number> {
  const { contents } = decodePin('a/m', (await createPinFolder(folder).get('a/m'))!)
  const [first] = contents.bytes
  expect(contents.bytes.length).toBe(SIZE)
  expect(contents.bytes.every((byte) => byte === first)).toBe(true)
  return first!
}

const killed = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => child.once('close', () => resolve()))

describe('createPinFolder', () => {
  it('has the old contents or the new ones, whole, wherever in a write the process dies', async () => {
    const writer = (folder: string, ...more: string[]): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, [join(scripts, 'writer.js'), folder, String(SIZE), '1', ...more])
    const calls = Number(String(writer(temporary(), '0').stdout).slice(1))
    expect(calls).toBeGreaterThan(6)
    const after: number[] = []
    for (let fatal = 1; fatal <= calls; fatal++) {
      const folder = temporary()
      await createPinFolder(folder).set('a/m', encodePin(pinned(1)))
      expect(writer(folder, String(fatal)).signal).toBe('SIGKILL')
      after.push(await stored(folder))
      // And the next write is as if nothing had been.
      await createPinFolder(folder).set('a/m', encodePin(pinned(9)))
      expect(await stored(folder)).toBe(9)
    }
    const ordered = [...after].sort((a, b) => a - b)
    expect(after).toEqual(ordered)
    expect(new Set(after)).toEqual(new Set([1, 2]))
  })

  const rounds = Number(process.env['SKEP_PIN_KILLS'] ?? 4)
  it(`is whole after ${rounds} kills from outside`, { timeout: 1000 * rounds + 30_000 }, async () => {
    const folder = temporary()
    const store = createPinFolder(folder)
    await store.set('a/m', encodePin(pinned(1)))
    for (let n = 0; n < rounds; n++) {
      const child = spawn(process.execPath, [join(scripts, 'writer.js'), folder, String(SIZE), '200'])
      let seen = 0
      child.stdout.on('data', (text: Buffer) => {
        seen += text.length
        if (seen > (n * 7) % 23) child.kill('SIGKILL')
      })
      await killed(child)
      expect(seen).toBeGreaterThan(0)
      expect(await stored(folder)).toBeGreaterThan(1)
    }
  })

  it('removes what died writers left when it is old', async () => {
    const folder = temporary()
    mkdirSync(join(folder, 'a'))
    for (const name of ['m.pin.new-old', 'm.pin.new-young']) writeFileSync(join(folder, 'a', name), 'half')
    utimesSync(join(folder, 'a/m.pin.new-old'), 1, 1)
    await createPinFolder(folder).set('a/m', encodePin(pinned(1)))
    expect(readdirSync(join(folder, 'a')).sort()).toEqual(['m.pin', 'm.pin.new-young'])
  })

  it('another process opens every kind of map with the same contents', async () => {
    const folder = temporary()
    const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
    const base = { keySize: 4, valueSize: 4, maxEntries: 64 }
    const maps: MapSpec[] = [
      { ...base, name: 'array', type: 'array' },
      { ...base, name: 'hash', type: 'hash' },
      { ...base, name: 'lru', type: 'lru_hash' },
      { ...base, name: 'percpu', type: 'percpu_hash' },
      { ...base, name: 'lpm', type: 'lpm_trie', keySize: 8, flags: 1 },
      { ...base, name: 'queue', type: 'queue', keySize: 0 },
    ]
    const spec: CollectionSpec = { programs: [], maps, variables: [], license: 'GPL', notes: [] }
    const runtime = await createRuntime({ pins: createPinFolder(folder) })
    const collection = await runtime.load({
      ...spec,
      maps: maps.map((map) => ({ ...map, pinning: 'by_name' as const })),
    })
    for (const map of collection.maps.values()) {
      for (let n = 0; n < 20; n++) {
        const value = new Uint8Array(map.hostValueSize).fill(n + 1)
        if (map.keySize === 0) map.push(value)
        else map.update(map.keySize === 8 ? Uint8Array.of(...u32(32), ...u32(n)) : u32(n), value)
      }
    }
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
    const held = [...collection.maps.values()].map((map) =>
      map.keySize === 0
        ? Array.from({ length: 20 }, (_, n) => hex(new Uint8Array(4).fill(n + 1)))
        : [...map].map(([key, value]) => `${hex(key)}=${hex(value)}`).sort(),
    )
    runtime.close()
    const paths = maps.map((map) => map.name)
    const { stdout, stderr } = spawnSync(process.execPath, [join(scripts, 'reader.js'), folder, ...paths], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    const read = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as [string, string, string, number, string[]])
    expect(read.map(([path, name, type, entries]) => [path, name, type, entries])).toEqual(
      maps.map((map) => [map.name, map.name, map.type, 64]),
    )
    expect(read.map(([, , type, , entries]) => (type === 'queue' ? entries : entries.sort()))).toEqual(held)
  })

  it('refuses damaged files: each byte changed, each length, other formats', async () => {
    const file = encodePin(pinned(3, 40))
    expect(decodePin('p', file)).toEqual(pinned(3, 40))
    const refused = (bytes: Uint8Array, code = 'DAMAGED'): void => {
      let error: unknown
      try {
        decodePin('p', bytes)
      } catch (caught) {
        error = caught
      }
      expect(error).toBeInstanceOf(PinError)
      expect(error).toEqual(expect.objectContaining({ code, path: 'p' }))
    }
    for (let at = 0; at < file.length; at++) {
      const other = file.slice()
      other[at]! ^= 1 << (at % 8)
      refused(other)
      refused(file.slice(0, at))
    }
    refused(Uint8Array.of(...file, 0))
    for (const bad of [{ maxEntries: 2 ** 32 }, { keySize: -1 }, { flags: 0.5 }, { type: 7 as never }]) {
      const { definition, contents } = pinned(3, 40)
      refused(encodePin({ definition: { ...definition, ...bad }, contents }))
    }

    const folder = temporary()
    const runtime = await createRuntime({ pins: createPinFolder(folder) })
    await createPinFolder(folder).set('a/m', file)
    const path = join(folder, 'a/m.pin')
    truncateSync(path, readFileSync(path).length - 1)
    await expect(runtime.openPin('a/m')).rejects.toEqual(expect.objectContaining({ code: 'DAMAGED' }))
    await runtime.unpin('a/m')
    await expect(runtime.openPin('a/m')).rejects.toEqual(expect.objectContaining({ code: 'ABSENT' }))
    runtime.close()
  })
})
