import { ModuleBuilder } from '@skep/wasm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findRanges, withoutDataCount } from './image.ts'
import { Linker } from './linker.ts'
import { readModule } from './wasm-module.ts'

type Three = (to: number, value: number, size: number) => void
type One = (value: bigint) => bigint

/** A module that uses what came after WebAssembly 1.0, and the same without. */
function makeBoth(): [before: WebAssembly.Exports, after: WebAssembly.Exports] {
  const source = new ModuleBuilder('source')
  source.importMemory('env', 'memory', { initial: 1 })
  const three = { params: ['i32', 'i32', 'i32'], results: [] } as const
  const one = { params: ['i64'], results: ['i64'] } as const
  source.function(three, { export: 'copy' }).code.local_get(0).local_get(1).local_get(2).memory_copy()
  source.function(three, { export: 'fill' }).code.local_get(0).local_get(1).local_get(2).memory_fill()
  source.function(one, { export: 'e8' }).code.local_get(0).i64_extend8_s()
  source.function(one, { export: 'e16' }).code.local_get(0).i64_extend16_s()
  source.function(one, { export: 'e32' }).code.local_get(0).i64_extend32_s()
  const narrow = source.function(one, { export: 'n8' }).code
  narrow.local_get(0).i32_wrap_i64().i32_extend8_s().i64_extend_i32_s()
  const wide = source.function(one, { export: 'n16' }).code
  wide.local_get(0).i32_wrap_i64().i32_extend16_s().i64_extend_i32_s()
  const bytes = source.encode()
  const memory = new WebAssembly.Memory({ initial: 1 })
  const before = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports

  const module = readModule('source', bytes)
  const linker = new Linker(() => undefined)
  const names = [...module.exportedFunctions.keys()]
  for (const name of names) linker.take(linker.exported(module, name)!)
  const builder = new ModuleBuilder('linked')
  builder.export('memory', 'memory', builder.memory({ initial: 1 }))
  linker.declare(builder)
  for (const name of names) builder.export(name, 'function', linker.built(linker.exported(module, name)!))
  linker.write(builder, new Map(), { plain: true, tailCalls: false })
  const after = new WebAssembly.Instance(new WebAssembly.Module(builder.encode())).exports
  return [{ ...before, memory }, after]
}

describe('what WebAssembly 1.0 has no instruction for', () => {
  const [before, after] = makeBoth()
  const bytes = ({ memory }: WebAssembly.Exports): Uint8Array =>
    new Uint8Array((memory as WebAssembly.Memory).buffer, 0, 512)

  it('is copied and filled all the same, where ranges overlap too', () => {
    const offset = fc.nat(200)
    const size = fc.nat(100)
    fc.assert(
      fc.property(offset, offset, size, fc.nat(300), fc.boolean(), (to, from, length, byte, fill) => {
        for (const exports of [before, after]) {
          bytes(exports).set(Uint8Array.from({ length: 512 }, (_, n) => n * 7))
          ;(exports[fill ? 'fill' : 'copy'] as Three)(to, fill ? byte : from, length)
        }
        expect(bytes(after)).toEqual(bytes(before))
      }),
    )
    expect(() => (after['copy'] as Three)(65530, 0, 8)).toThrow(WebAssembly.RuntimeError)
    expect(() => (after['fill'] as Three)(65530, 0, 8)).toThrow(WebAssembly.RuntimeError)
  })

  it.each(['e8', 'e16', 'e32', 'n8', 'n16'])('%s extends the sign', (name) => {
    fc.assert(
      fc.property(fc.bigInt(-(1n << 63n), (1n << 63n) - 1n), (value) => {
        expect((after[name] as One)(value)).toBe((before[name] as One)(value))
      }),
    )
  })
})

describe('modules that cannot be linked', () => {
  const build = (write: (module: ModuleBuilder) => void): Uint8Array => {
    const module = new ModuleBuilder('bad')
    write(module)
    return module.encode()
  }

  it.each([
    [
      'data',
      (module: ModuleBuilder) => {
        module.memory({ initial: 1 })
        module.data(Uint8Array.of(1), 0)
      },
    ],
    ['start', (module: ModuleBuilder) => module.start(module.function({ params: [], results: [] }))],
    [
      'table elements',
      (module: ModuleBuilder) => {
        module.table({ initial: 1 })
        module.elements(0, [])
      },
    ],
  ])('are refused for %s of their own', (what, write) => {
    expect(() => readModule('bad', build(write))).toThrow(
      new RegExp(`wasm module bad: it has .*${what.split(' ')[0]}`),
    )
  })

  it('are refused for an import that nothing gives', () => {
    const bytes = build((module) => {
      const missing = module.importFunction('elsewhere', 'missing', { params: [], results: [] })
      module.function({ params: [], results: [] }, { export: 'f' }).code.call(missing)
    })
    const module = readModule('bad', bytes)
    const linker = new Linker(() => undefined)
    expect(() => linker.take(linker.exported(module, 'f')!)).toThrow(
      /nothing gives its import elsewhere.missing/,
    )
  })
})

describe('the image of a memory', () => {
  it('has every byte that is not zero, and joins what is near', () => {
    const memory = new Uint8Array(4096)
    memory.set([1, 2, 3], 5)
    memory.set([4], 20)
    memory.set([5], 2001)
    expect(findRanges(memory)).toEqual([
      [4, 24],
      [2000, 2004],
    ])
  })

  it('goes without a data count section', () => {
    const module = new ModuleBuilder('m')
    module.memory({ initial: 1 })
    module.data(Uint8Array.of(7), 100)
    const bytes = module.encode()
    const without = withoutDataCount(bytes)
    expect(without.length).toBe(bytes.length - 3)
    expect(WebAssembly.validate(without)).toBe(true)
    expect(withoutDataCount(without)).toEqual(without)
  })
})
