import { createPlatform, type PluginDef, type ProgramSpec } from '@skep/registry'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { plugins } from '../test/platform.ts'
import type { VerifierOptions, VerifyInput } from './verify.ts'

const KTIME = 5
const call = (id: number): number[] => [0x85, 0, 0, 0, id, 0, 0, 0]
const exit = [0x95, 0, 0, 0, 0, 0, 0, 0]

const program: ProgramSpec = {
  name: 'p',
  section: 'xdp',
  type: 'xdp',
  license: 'GPL',
  insns: Uint8Array.from([...call(KTIME), ...exit]),
  references: [],
  functions: [],
  lines: [],
}
const input: VerifyInput = {
  program,
  maps: [{ name: 'm', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 }],
}

/** The plugins with one definition changed. */
const changed = (
  part: 'helpers' | 'mapTypes' | 'programTypes',
  name: string,
  change: object,
): readonly PluginDef[] =>
  plugins.map((plugin) => {
    const defs = plugin[part] as readonly { readonly name: string }[] | undefined
    return defs
      ? { ...plugin, [part]: defs.map((def) => (def.name === name ? { ...def, ...change } : def)) }
      : plugin
  })

describe('the key of a verdict', () => {
  let keyOf: typeof import('./verdict-key.ts').verdictKey
  beforeAll(async () => {
    vi.stubGlobal('SKEP_BUILD', 'build')
    vi.resetModules()
    keyOf = (await import('./verdict-key.ts')).verdictKey
  })
  afterAll(() => void vi.unstubAllGlobals())

  const key = (with_: readonly PluginDef[] = plugins, options: VerifierOptions = {}, given = input): string =>
    JSON.stringify(keyOf(createPlatform(with_), options, given))

  it('is the same where all is', () => {
    expect(key()).toBe(key())
    expect(key(changed('helpers', 'bpf_get_prandom_u32', { gplOnly: true }))).toBe(key())
    expect(key(changed('mapTypes', 'hash', { id: 77 }))).toBe(key())
  })

  it.each<[string, () => string]>([
    ['a helper that is called', () => key(changed('helpers', 'bpf_ktime_get_ns', { gplOnly: true }))],
    ['the type of a map', () => key(changed('mapTypes', 'array', { id: 77 }))],
    ['the type of the program', () => key(changed('programTypes', 'xdp', { id: 77 }))],
    ['a limit', () => key(plugins, { complexityLimit: 100 })],
    ['the types of the kernel', () => key(plugins, { kernelBtf: Uint8Array.of(1) })],
    [
      'the instructions',
      () => key(plugins, {}, { ...input, program: { ...program, insns: program.insns.slice(8) } }),
    ],
    ['the licence', () => key(plugins, {}, { ...input, program: { ...program, license: 'MIT' } })],
    ['a map', () => key(plugins, {}, { ...input, maps: [{ ...input.maps[0]!, valueSize: 16 }] })],
    ['the types of the object', () => key(plugins, {}, { ...input, btf: Uint8Array.of(1) })],
    ['the privileges', () => key(plugins, {}, { ...input, unprivileged: true })],
  ])('is another one with %s', (_, other) => {
    expect(other()).not.toBe(key())
  })

  it('is none where symbols are to be asked for', () => {
    expect(keyOf(createPlatform(plugins), { kernelSymbols: () => undefined }, input)).toBeUndefined()
  })
})

it('is none in sources that nobody built', async () => {
  vi.resetModules()
  const { verdictKey } = await import('./verdict-key.ts')
  expect(verdictKey(createPlatform(plugins), {}, input)).toBeUndefined()
})
