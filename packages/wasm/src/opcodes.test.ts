import { describe, expect, it } from 'vitest'
import initWabt from 'wabt'
import type { Code } from './code.ts'
import { ModuleBuilder } from './module-builder.ts'
import { type OpName, opcodes } from './opcodes.ts'
import type { ValueType } from './types.ts'

const letters: Readonly<Record<string, ValueType>> = { i: 'i32', I: 'i64', f: 'f32', F: 'f64' }
const typesOf = (text: string): ValueType[] => [...text].map((letter) => letters[letter]!)

type AnyMethods = Record<string, (...args: unknown[]) => unknown>

const instruction = (code: Code, name: string): ((...args: unknown[]) => unknown) =>
  (code as unknown as AnyMethods)[name.replaceAll('.', '_')]!.bind(code)

/** A module around each instruction whose stack effect is in the table. */
function moduleWith(name: OpName, signature: string, ...args: unknown[]): ModuleBuilder {
  const module = new ModuleBuilder()
  module.memory({ initial: 1, maximum: 1, shared: true })
  module.data(new Uint8Array([1]))
  const [params, results] = signature.split(':') as [string, string]
  const { code } = module.function({ params: typesOf(params), results: typesOf(results) }, { export: 'f' })
  for (let i = 0; i < params.length; i++) code.local_get(i)
  instruction(code, name)(...args)
  return module
}

const examples: Readonly<Record<string, unknown[]>> = {
  i32: [-5],
  i64: [-(2 ** 40)],
  f32: [1.5],
  f64: [-0.1],
  data: [0],
  'data memory': [0],
}

const rows = (Object.keys(opcodes) as OpName[]).map((name) => {
  const [opcode, immediates, signature, align] = opcodes[name] as readonly [number, string, string?, number?]
  return { name, opcode, immediates, signature, align }
})

describe('opcodes', () => {
  it('has no opcode twice', () => {
    expect(new Set(rows.map(({ opcode }) => opcode)).size).toBe(rows.length)
  })

  it('matches wabt in name, encoding and stack effect, row by row', async () => {
    const wabt = await initWabt()
    const features = { threads: true, bulk_memory: true, sign_extension: true, sat_float_to_int: true }
    let checked = 0
    for (const { name, immediates, signature } of rows) {
      if (signature === undefined) continue
      checked++
      const bytes = moduleWith(name, signature, ...(examples[immediates] ?? [])).encode()
      expect(WebAssembly.validate(bytes), name).toBe(true)
      const parsed = wabt.readWasm(bytes, features)
      try {
        expect(parsed.toText({}), name).toMatch(new RegExp(`^ +${name.replaceAll('.', '\\.')}( |\\)|$)`, 'm'))
      } finally {
        parsed.destroy()
      }
    }
    expect(checked).toBeGreaterThan(220)
  })

  it('gives memory instructions their natural alignment: no larger one validates', () => {
    for (const { name, immediates, signature, align } of rows) {
      if (immediates !== 'mem') continue
      expect(WebAssembly.validate(moduleWith(name, signature!, 8, align! + 1).encode()), name).toBe(false)
      expect(WebAssembly.validate(moduleWith(name, signature!, 8, align!).encode()), name).toBe(true)
    }
  })
})
