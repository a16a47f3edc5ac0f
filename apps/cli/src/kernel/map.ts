import { type Btf, parseBtf } from '@skep/btf'
import { type Kernel, KernelError, type KernelMap, type MapInfo } from '@skep/linux'
import { RefusedError, UsageError } from '../report.ts'
import { btfValue } from './btf-value.ts'
import { selected, selectedOne, type Words } from './with-kernel.ts'

/** A map that is open, and what is known of it. */
interface Found {
  readonly map: KernelMap
  readonly info: MapInfo
}

const open = (map: KernelMap | undefined): Found | undefined => map && { map, info: map.info() }

const finder = (kernel: Kernel) => ({
  what: 'map',
  all: () => kernel.ids('map').flatMap((id) => open(kernel.openMap(id)) ?? []),
  byId: (id: number) => open(kernel.openMap(id)),
  byPath: (path: string) => open(kernel.openPinnedMap(path)),
  name: ({ info }: Found) => info.name,
})

function describe({ map, info }: Found): object {
  const facts = map.facts()
  const memlock = facts.get('memlock')
  const owner = facts.get('owner_prog_type')
  return {
    id: info.id,
    type: info.type,
    ...(info.name === '' ? {} : { name: info.name }),
    flags: info.flags,
    bytes_key: info.keySize,
    bytes_value: info.valueSize,
    max_entries: info.maxEntries,
    ...(memlock === undefined ? {} : { bytes_memlock: Number(memlock) }),
    ...(owner === undefined
      ? {}
      : { owner_prog_type: Number(owner), owner_jited: facts.get('owner_jited') === '1' }),
    frozen: Number(facts.get('frozen') ?? 0),
    ...(info.btfId === 0 ? {} : { btf_id: info.btfId }),
  }
}

function describeText({ map, info }: Found): string {
  const facts = map.facts()
  const name = info.name === '' ? '' : `name ${info.name}  `
  const last = [
    ...(info.btfId === 0 ? [] : [`btf_id ${info.btfId}`]),
    ...(facts.get('frozen') === '1' ? ['frozen'] : []),
  ]
  return [
    `${info.id}: ${info.type}  ${name}flags 0x${info.flags.toString(16)}`,
    `\tkey ${info.keySize}B  value ${info.valueSize}B  max_entries ${info.maxEntries}  memlock ${facts.get('memlock')}B`,
    ...(last.length > 0 ? [`\t${last.join('  ')}`] : []),
  ].join('\n')
}

const hexBytes = (bytes: Uint8Array): string[] =>
  [...bytes].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`)
const plainBytes = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** How elements of a map are shown. */
class Elements {
  readonly #found: Found
  readonly #btf: Btf | undefined

  constructor(kernel: Kernel, found: Found) {
    this.#found = found
    const { btfId, btfValueTypeId } = found.info
    const bytes = btfId === 0 || btfValueTypeId === 0 ? undefined : kernel.btfInfo(btfId)?.bytes
    this.#btf = bytes && parseBtf(bytes)
  }

  get typed(): boolean {
    return this.#btf !== undefined
  }

  /** Each CPU's value of a per-CPU map. */
  #perCpu(value: Uint8Array): Uint8Array[] | undefined {
    const { info, map } = this.#found
    if (map.valueBytes === info.valueSize) return undefined
    const stride = (info.valueSize + 7) & ~7
    return Array.from({ length: map.valueBytes / stride }, (_, cpu) =>
      value.subarray(cpu * stride, cpu * stride + info.valueSize),
    )
  }

  /** By the types of its BTF. */
  formatted(key: Uint8Array, value: Uint8Array): object {
    const { info } = this.#found
    const btf = this.#btf!
    const typed = (bytes: Uint8Array): unknown => btfValue(btf, info.btfValueTypeId, viewOf(bytes))
    const cpus = this.#perCpu(value)
    return {
      ...(info.btfKeyTypeId === 0 ? {} : { key: btfValue(btf, info.btfKeyTypeId, viewOf(key)) }),
      ...(cpus
        ? { values: cpus.map((bytes, cpu) => ({ cpu, value: typed(bytes) })) }
        : { value: typed(value) }),
    }
  }

  json(key: Uint8Array, value: Uint8Array): object {
    const cpus = this.#perCpu(value)
    return {
      key: hexBytes(key),
      ...(cpus
        ? { values: cpus.map((bytes, cpu) => ({ cpu, value: hexBytes(bytes) })) }
        : { value: hexBytes(value) }),
      ...(this.typed ? { formatted: this.formatted(key, value) } : {}),
    }
  }

  text(key: Uint8Array, value: Uint8Array): string {
    const cpus = this.#perCpu(value)
    if (!cpus) return `key: ${plainBytes(key)}  value: ${plainBytes(value)}`
    return [
      `key:\n${plainBytes(key)}`,
      ...cpus.map((bytes, cpu) => `value (CPU ${cpu}): ${plainBytes(bytes)}`),
    ].join('\n')
  }
}

const byteOf = (word: string, base: number): number => {
  const byte = base === 16 ? Number.parseInt(word, 16) : Number(word)
  if (Number.isInteger(byte) && byte >= 0 && byte < 256) return byte
  throw new UsageError(`map: ${word} is no byte`)
}

/** `[hex] BYTES` up to a word that follows. */
function bytesOf(words: Words, what: string, size: number, ...stops: string[]): Uint8Array {
  const base = words.take('hex') ? 16 : 10
  const bytes = words.until(...stops).map((word) => byteOf(word, base))
  if (bytes.length === size) return Uint8Array.from(bytes)
  throw new UsageError(`map: the ${what} has ${bytes.length} bytes, and the map takes ${size}`)
}

/** `value`: bytes, or for maps of maps and of programs an object by id or path, whose descriptor it is. */
function elementValue(
  kernel: Kernel,
  words: Words,
  { map, info }: Found,
): { bytes: Uint8Array; close?: () => void } {
  const references: Record<string, () => { fd: number; close(): void } | undefined> = {
    prog_array: () =>
      reference(
        words,
        (id) => kernel.openProgram(id),
        (path) => kernel.openPinnedProgram(path),
      ),
    array_of_maps: () =>
      reference(
        words,
        (id) => kernel.openMap(id),
        (path) => kernel.openPinnedMap(path),
      ),
  }
  references['hash_of_maps'] = references['array_of_maps']!
  const refer = references[info.type]
  if (!refer) {
    const one = bytesOf(words, 'value', info.valueSize, 'any', 'exist', 'noexist')
    const stride = (info.valueSize + 7) & ~7
    const bytes = new Uint8Array(map.valueBytes)
    for (let at = 0; at < bytes.length; at += Math.max(stride, 1)) bytes.set(one, at)
    return { bytes }
  }
  const object = refer()
  if (!object) throw new RefusedError('ENOENT', 'map update: there is no such object')
  return { bytes: new Uint8Array(Uint32Array.of(object.fd).buffer), close: () => object.close() }
}

function reference<T>(words: Words, byId: (id: number) => T, byPath: (path: string) => T): T {
  const kind = words.take('id', 'pinned')
  if (kind === undefined) throw new UsageError('map update: name the value with id or pinned')
  return kind === 'id' ? byId(words.number('id')) : byPath(words.any('a path'))
}

type Print = (json: unknown, text: () => string) => void

function dump(kernel: Kernel, found: Found, print: Print): void {
  const elements = new Elements(kernel, found)
  const rows = [...found.map.entries()]
  print(
    rows.map(([key, value]) => elements.json(key, value)),
    () =>
      elements.typed
        ? typedText(rows.map(([key, value]) => elements.formatted(key, value)))
        : [
            ...rows.map(([key, value]) => elements.text(key, value)),
            `Found ${rows.length} element${rows.length === 1 ? '' : 's'}`,
          ].join('\n'),
  )
}

const typedText = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one), 4)

function lookup(kernel: Kernel, found: Found, words: Words, print: Print): void {
  const key = bytesOf(words, 'key', found.info.keySize)
  const value = found.map.lookup(key)
  if (!value) {
    print(null, () => `key:\n${plainBytes(key)}\n\nNot found`)
    process.exitCode = 1
    return
  }
  const elements = new Elements(kernel, found)
  print(elements.json(key, value), () =>
    elements.typed ? typedText(elements.formatted(key, value)) : elements.text(key, value),
  )
}

/** Changes a map, with errors in bpftool's words. */
function change(what: string, act: () => unknown): void {
  try {
    act()
  } catch (error) {
    if (error instanceof KernelError) throw new RefusedError(error.errno, `${what} failed: ${error.message}`)
    throw error
  }
}

/** `map show|dump|lookup|getnext|update|delete|pop|push`, as bpftool's. */
export function mapCommand(kernel: Kernel, words: Words, print: Print): void {
  const verbs = [
    'show',
    'list',
    'dump',
    'lookup',
    'getnext',
    'update',
    'delete',
    'peek',
    'pop',
    'dequeue',
    'push',
    'enqueue',
    'freeze',
  ] as const
  const verb = words.done ? 'show' : words.take(...verbs)
  if (verb === undefined) throw new UsageError(`map: give ${verbs.join(', ')}`)
  if (verb === 'show' || verb === 'list') {
    const all = words.done
    const found = all ? finder(kernel).all() : selected(words, finder(kernel))
    words.end()
    const json = found.map(describe)
    print(!all && json.length === 1 ? json[0] : json, () => found.map(describeText).join('\n'))
    return
  }
  const found = selectedOne(words, finder(kernel))
  const { map, info } = found
  const done = (): void => print(null, () => '')
  if (verb === 'dump') {
    words.end()
    dump(kernel, found, print)
  } else if (verb === 'freeze') {
    words.end()
    change('freeze', () => map.freeze())
    done()
  } else if (verb === 'peek' || verb === 'pop' || verb === 'dequeue') {
    words.end()
    const none = new Uint8Array(0)
    const value = verb === 'peek' ? map.lookup(none) : map.lookupAndDelete(none)
    print(value ? { value: hexBytes(value) } : {}, () =>
      value ? `value: ${plainBytes(value)}` : 'Error: empty map',
    )
  } else if (verb === 'push' || verb === 'enqueue') {
    if (!words.take('value')) throw new UsageError(`map ${verb}: give value and its bytes`)
    const { bytes } = elementValue(kernel, words, found)
    change(verb, () => map.update(new Uint8Array(0), bytes))
    done()
  } else if (verb === 'getnext') {
    const key = words.take('key') ? bytesOf(words, 'key', info.keySize) : undefined
    const next = map.getNextKey(key)
    if (!next) throw new RefusedError('ENOENT', 'map getnext: no key follows')
    print({ key: key ? hexBytes(key) : null, next_key: hexBytes(next) }, () =>
      [key ? `key:\n${plainBytes(key)}` : 'key: None', `next key:\n${plainBytes(next)}`].join('\n'),
    )
  } else {
    if (!words.take('key')) throw new UsageError(`map ${verb}: give key and its bytes`)
    if (verb === 'lookup') {
      lookup(kernel, found, words, print)
    } else if (verb === 'delete') {
      const key = bytesOf(words, 'key', info.keySize)
      change('delete', () => {
        if (!map.delete(key)) throw new RefusedError('ENOENT', 'delete failed: no such element')
      })
      done()
    } else {
      const key = bytesOf(words, 'key', info.keySize, 'value')
      if (!words.take('value')) throw new UsageError('map update: give value and its bytes')
      const { bytes, close } = elementValue(kernel, words, found)
      const mode = (words.take('any', 'exist', 'noexist') ?? 'any') as 'any' | 'exist' | 'noexist'
      words.end()
      try {
        change('update', () => map.update(key, bytes, mode))
      } finally {
        close?.()
      }
      done()
    }
  }
}
