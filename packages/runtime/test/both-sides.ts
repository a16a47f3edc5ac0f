import { readFile } from 'node:fs/promises'
import type { Kernel } from '@skep/linux'
import { loadCollection } from '@skep/linux'
import { type CollectionSpec, createRuntime, parseElf, type RuntimeOptions } from '../src/index.ts'

// One object here and in the kernel, with its programs run and its globals read and written by name.

export interface Side {
  run(program: string): number
  get(variable: string): bigint[]
  set(variable: string, ...values: readonly bigint[]): void
  map(name: string): {
    lookup(key: Uint8Array, flags?: number): Uint8Array | undefined
    update(key: Uint8Array, value: Uint8Array, flags?: number): void
    delete(key: Uint8Array): unknown
    freeze(): void
  }
  close(): void
}

const KEY = new Uint8Array(4)

export const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

export const fixture = async (name: string): Promise<CollectionSpec> =>
  parseElf(await readFile(new URL(`../testdata/${name}.o`, import.meta.url)))

/** Globals of 4 or 8 bytes, and arrays of 8-byte ones. */
function globals(spec: CollectionSpec, map: Side['map']): Pick<Side, 'get' | 'set'> {
  const find = (name: string) => {
    const found = spec.variables.find((variable) => variable.name === name)
    if (!found) throw new Error(`no variable ${name}`)
    return { ...found, width: found.size === 4 ? 4 : 8 }
  }
  const access = (name: string, act: (view: DataView, at: number, n: number) => void): Uint8Array => {
    const { map: section, offset, size, width } = find(name)
    const bytes = map(section).lookup(KEY)!.slice()
    const view = new DataView(bytes.buffer)
    for (let n = 0; n < size / width; n++) act(view, offset + n * width, n)
    return bytes
  }
  return {
    get: (name) => {
      const values: bigint[] = []
      const wide = find(name).width === 8
      access(name, (view, at) =>
        values.push(wide ? view.getBigInt64(at, true) : BigInt(view.getInt32(at, true))),
      )
      return values
    },
    set: (name, ...values) => {
      const wide = find(name).width === 8
      const bytes = access(name, (view, at, n) => {
        const value = values[n] ?? 0n
        if (wide) view.setBigUint64(at, value, true)
        else view.setUint32(at, Number(value), true)
      })
      map(find(name).map).update(KEY, bytes)
    },
  }
}

export async function loadHere(spec: CollectionSpec, options: RuntimeOptions): Promise<Side> {
  const runtime = await createRuntime(options)
  const collection = await runtime.load(spec)
  const map: Side['map'] = (name) => collection.map(name)
  return {
    run: (name) => collection.program(name, 'xdp').testRun({ data: new Uint8Array(64) }).retval,
    ...globals(spec, map),
    map,
    close: () => runtime.close(),
  }
}

export function loadThere(kernel: Kernel, spec: CollectionSpec): Side {
  const loaded = loadCollection(kernel, spec, { logLevel: 1 })
  const map: Side['map'] = (name) => loaded.maps.get(name)!
  return {
    run: (name) => {
      const program = loaded.programs.get(name)!
      if (!program.ok)
        throw new Error(`${name}: ${program.errno}: ${program.log.split('\n').slice(-6).join(' | ')}`)
      return program.testRun({ dataIn: new Uint8Array(64) }).retval
    },
    ...globals(spec, map),
    map,
    close: () => loaded.close(),
  }
}
