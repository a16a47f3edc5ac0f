import { type Btf, parseBtf, TsTypes } from '@skep/btf'
import type { CollectionSpec, MapSpec, Platform, VariableSpec } from '@skep/runtime'

export interface GenTypesOptions {
  /** The object's file name, for the comment. */
  readonly file: string
  /** What the module's names begin with. */
  readonly name: string
  readonly object: Uint8Array
}

const IMPORTS = [
  'type Collection',
  'codec',
  'type Codec',
  'type GlobalValue',
  'type ParseElfOptions',
  'parseElf',
  'type Program',
  'type Runtime',
  'setGlobals',
  'type TypedMap',
]
const BASE64_LINE = 96
const RAW_MAP = 'RawMap'
const RAW_MAP_TYPE = `/** A map by bytes: rings, programs, maps of maps, and what BTF says nothing about. */
export type ${RAW_MAP} = NonNullable<ReturnType<Collection['maps']['get']>>`

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/
const key = (name: string): string => (IDENTIFIER.test(name) ? name : quoted(name))
const quoted = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll("'", "\\'").replaceAll('\\"', '"')}'`

/**
 * A TypeScript module for an object: its programs with their types, its maps with the types of their keys and values, its
 * globals, and the object itself. It needs `@skep/runtime` alone.
 */
export function genTypes(spec: CollectionSpec, platform: Platform, options: GenTypesOptions): string {
  const { file, name, object } = options
  const btf = spec.btf && parseBtf(spec.btf)
  const own = ['Programs', 'Maps', 'Globals', 'Options', 'Handles'].map((suffix) => `${name}${suffix}`)
  const taken = [
    ...IMPORTS.map((one) => one.replace('type ', '')),
    ...own,
    'Global',
    'RawMap',
    'OBJECT',
    'bytesOf',
    'scalar',
    `load${name}`,
  ]
  const types =
    btf && new TsTypes(btf, [...taken, 'Uint8Array', 'Array', 'Partial', 'Record', 'Promise', 'Symbol'])
  const maps = spec.maps
    .filter((map) => !map.name.startsWith('.'))
    .map((map) => describeMap(map, platform, types))
  // Of static ones of the same name, in objects that were linked, a runtime finds the first.
  const variables = spec.variables.filter(
    ({ name: own }, i) => spec.variables.findIndex((other) => other.name === own) === i,
  )
  const globals = variables.map((variable) => describeGlobal(variable, spec, btf))
  const programs = spec.programs.map((program) => ({
    name: program.name,
    type: typeof program.type === 'string' ? `Program<${quoted(program.type)}>` : 'Program',
    get:
      typeof program.type === 'string'
        ? `collection.program(${quoted(program.name)}, ${quoted(program.type)})`
        : `collection.program(${quoted(program.name)})`,
  }))
  const body = [
    ...(types?.interfaces ?? []),
    interfaceOf(`${name}Programs`, 'The programs, each by its function.', programs),
    interfaceOf(`${name}Maps`, 'The maps; those whose values are no plain bytes as they are.', maps),
    interfaceOf(`${name}Globals`, 'The global variables.', globals),
    optionsOf(name, globals),
    handlesOf(name),
    loaderOf(name, programs, maps, globals),
    objectOf(object),
  ].join('\n\n')
  const text = [
    ...(globals.length > 0 ? [GLOBAL] : []),
    ...(maps.some((map) => map.type === RAW_MAP) ? [RAW_MAP_TYPE] : []),
    body,
  ].join('\n\n')
  const used = IMPORTS.filter((one) => new RegExp(`\\b${one.replace('type ', '')}\\b`).test(text))
  return [
    `// Made by skep gen types of ${file.replaceAll(/[\r\n]/g, ' ')}: make it anew rather than edit it.`,
    `import {\n${used.map((one) => `  ${one},\n`).join('')}} from '@skep/runtime'`,
    '',
    text,
    '',
  ].join('\n')
}

interface Entry {
  readonly name: string
  readonly type: string
  /** The expression that gives it. */
  readonly get: string
}

function describeMap(map: MapSpec, platform: Platform, types: TsTypes | undefined): Entry {
  const raw = { name: map.name, type: RAW_MAP, get: `collection.map(${quoted(map.name)})` }
  const def = platform.mapTypes.get(map.type)
  if (!types || !def || (def.value !== 'plain' && def.value !== 'percpu')) return raw
  const k = map.btfKey && types.type(map.btfKey)
  const v = map.btfValue && types.type(map.btfValue)
  if (!k || !v) return raw
  const value = def.value === 'plain' ? v : v.startsWith('{') ? `Array<${v}>` : `${v}[]`
  return {
    name: map.name,
    type: `TypedMap<${k}, ${value}>`,
    get: `collection.map<${k}, ${value}>(${quoted(map.name)}, 'btf')`,
  }
}

const CODECS: Readonly<Record<string, string>> = { 1: 'u8', 2: 'u16', 4: 'u32', 8: 'u64' }

interface GlobalEntry extends Entry {
  readonly value: string
  /** Set before it is loaded, as constants are. */
  readonly settable: boolean
}

/** Numbers and booleans by their types; all else, and what BTF says nothing about, as bytes. */
function describeGlobal(variable: VariableSpec, spec: CollectionSpec, btf: Btf | undefined): GlobalEntry {
  const { name, size, typeId } = variable
  const type = btf && typeId !== undefined ? btf.resolve(typeId) : 0
  const integer = btf && ['int', 'enum', 'enum64'].includes(btf.kindName(type))
  const isInt = btf?.kindName(type) === 'int'
  const signed = isInt ? btf!.integer(type).signed : integer && btf.flag(type)
  const wide = CODECS[size]
  const isBool = isInt && btf!.integer(type).bool && size === 1
  const scalar = integer && wide !== undefined
  const codec = isBool ? 'bool' : scalar ? (signed ? wide.replace('u', 'i') : wide) : `bytes(${size})`
  const value = isBool ? 'boolean' : scalar ? (size === 8 ? 'bigint' : 'number') : 'Uint8Array'
  const map = spec.maps.find((one) => one.name === variable.map)
  return {
    name,
    value,
    type: `Global<${value}>`,
    get: `scalar(collection, ${quoted(name)}, codec.${codec})`,
    settable: map !== undefined && map.name !== '.kconfig',
  }
}

const interfaceOf = (name: string, about: string, entries: readonly Entry[]): string =>
  entries.length === 0
    ? `/** ${about} There are none. */\nexport type ${name} = Record<never, never>`
    : `/** ${about} */\nexport interface ${name} {\n${entries.map((one) => `  readonly ${key(one.name)}: ${one.type}\n`).join('')}}`

function optionsOf(name: string, globals: readonly GlobalEntry[]): string {
  const settable = globals.filter((one) => one.settable)
  const fields = settable.map((one) => `    readonly ${key(one.name)}?: ${one.value}\n`).join('')
  return [
    `export interface ${name}Options extends Pick<ParseElfOptions, 'kernelBtf' | 'kconfig' | 'kernelVersion'> {`,
    ...(settable.length > 0
      ? ['  /** First values of globals, of constants too. */', `  readonly globals?: {\n${fields}  }`]
      : []),
    '}',
  ].join('\n')
}

const handlesOf = (name: string): string => `/** The live objects; closing detaches links and frees maps. */
export interface ${name}Handles {
  readonly collection: Collection
  readonly programs: ${name}Programs
  readonly maps: ${name}Maps
  readonly globals: ${name}Globals
  close(): void
  [Symbol.dispose](): void
}`

function loaderOf(
  name: string,
  programs: readonly Entry[],
  maps: readonly Entry[],
  globals: readonly GlobalEntry[],
): string {
  const object = (entries: readonly Entry[]): string =>
    entries.length === 0
      ? '{}'
      : `{\n${entries.map((one) => `      ${key(one.name)}: ${one.get},\n`).join('')}    }`
  const set = globals.some((one) => one.settable)
  return `/** Verifies and loads the object into a runtime. Throws VerifierError. */
export async function load${name}(runtime: Runtime, options: ${name}Options = {}): Promise<${name}Handles> {
  const parsed = parseElf(OBJECT(), { ...options, platform: runtime.platform })
  const collection = await runtime.load(${set ? 'setGlobals(parsed, { ...options.globals } as Record<string, GlobalValue>)' : 'parsed'})
  return {
    collection,
    programs: ${object(programs)},
    maps: ${object(maps)},
    globals: ${object(globals)},
    close: () => collection.close(),
    [Symbol.dispose]: () => collection.close(),
  }
}`
}

const GLOBAL = `/** A global variable of a loaded object. Constants can be read alone. */
export interface Global<T> {
  get(): T
  set(value: T): void
}

function scalar<T>(collection: Collection, name: string, type: Codec<T>): Global<T> {
  return {
    get() {
      const bytes = collection.readGlobal(name)
      return type.decode(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0)
    },
    set(value) {
      const bytes = new Uint8Array(type.size)
      type.encode(value, new DataView(bytes.buffer), 0)
      collection.writeGlobal(name, bytes)
    },
  }
}`

function objectOf(object: Uint8Array): string {
  const text = Buffer.from(object).toString('base64')
  const lines = text.match(new RegExp(`.{1,${BASE64_LINE}}`, 'g')) ?? []
  return `/** The object's bytes. */
export const OBJECT = (): Uint8Array =>
  Uint8Array.from(
    atob(
      [
${lines.map((line) => `        '${line}',\n`).join('')}      ].join(''),
    ),
    (c) => c.charCodeAt(0),
  )`
}
