import { describe, expect, it } from 'vitest'
import initWabt from 'wabt'
import { createCode } from './code.ts'
import { ModuleBuilder } from './module-builder.ts'

const instantiate = (
  module: ModuleBuilder,
  imports: WebAssembly.Imports = {},
): Record<string, CallableFunction> => {
  const bytes = module.encode()
  expect(WebAssembly.validate(bytes)).toBe(true)
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as Record<
    string,
    CallableFunction
  >
}

describe('ModuleBuilder', () => {
  it('encodes loops, locals and branches by label', () => {
    const module = new ModuleBuilder()
    const { code } = module.function({ params: ['i32'], results: ['i32'] }, { export: 'sum' })
    const sum = code.local('i32')
    const exit = code.block()
    const next = code.loop()
    code.local_get(0).i32_eqz().br_if(exit)
    code.local_get(sum).local_get(0).i32_add().local_set(sum)
    code.local_get(0).i32_const(1).i32_sub().local_set(0)
    code.br(next).end().end()
    code.local_get(sum)
    expect(instantiate(module)['sum']!(100)).toBe(5050)
  })

  it('keeps labels valid inside deeper blocks, and branches by table', () => {
    const module = new ModuleBuilder()
    const { code } = module.function({ params: ['i32'], results: ['i32'] }, { export: 'pick' })
    const [c, b, a] = [code.block(), code.block(), code.block()]
    code.loop()
    code.local_get(0).br_table([a, b], c)
    code.end()
    code.end().i32_const(10).return()
    code.end().i32_const(20).return()
    code.end().i32_const(30)
    const { pick } = instantiate(module)
    expect([0, 1, 2, 9].map((n) => pick!(n))).toEqual([10, 20, 30, 30])
  })

  it('encodes imports of every kind, globals, elements, indirect and tail calls', () => {
    const module = new ModuleBuilder('demo')
    const unary = { params: ['i32'], results: ['i32'] } as const
    const host = module.importFunction('env', 'host', unary, 'host')
    module.importMemory('env', 'memory', { initial: 1, maximum: 4, shared: true })
    module.importTable('env', 'table', { initial: 2 })
    const step = module.importGlobal('env', 'step', 'i32')
    const counter = module.global('i32', { global: step })
    const wide = module.global('i64', -1n, false)

    const odd = module.function(unary, { name: 'odd' })
    const even = module.function(unary, { name: 'even', export: 'even', params: ['n'] })
    for (const [fn, other, atZero] of [
      [odd, even, 0],
      [even, odd, 1],
    ] as const) {
      fn.code.local_get(0).i32_eqz().if()
      fn.code.i32_const(atZero).return().end()
      fn.code.local_get(0).i32_const(1).i32_sub().return_call(other)
    }
    module.elements(0, [odd, even])
    const through = module.function({ params: ['i32', 'i32'], results: ['i32'] }, { export: 'through' })
    through.code.local_get(1).local_get(0).return_call_indirect(odd.typeIndex)
    const count = module.function({ params: [], results: ['i32'] }, { export: 'count' })
    count.code.global_get(counter).global_get(step).i32_add().global_set(counter)
    count.code.i32_const(16).global_get(wide).i64_atomic_store(8)
    count.code.global_get(counter).call(host)
    module.export('counter', 'global', counter)

    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true })
    const exports = instantiate(module, {
      env: {
        host: (n: number) => n * 2,
        memory,
        table: new WebAssembly.Table({ initial: 2, element: 'anyfunc' }),
        step: new WebAssembly.Global({ value: 'i32' }, 7),
      },
    })
    expect(exports['even']!(100_000)).toBe(1)
    expect([exports['through']!(0, 5), exports['through']!(1, 5)]).toEqual([1, 0])
    expect(exports['count']!()).toBe(28)
    expect(new DataView(memory.buffer).getBigInt64(24, true)).toBe(-1n)
  })

  it('encodes multi-value blocks, data segments, bulk memory and a start function', () => {
    const module = new ModuleBuilder()
    module.memory({ initial: 1 })
    module.data(new TextEncoder().encode('skep'), 100)
    const passive = module.data(new Uint8Array([9, 8, 7]))
    const pair = module.type({ params: ['i64'], results: ['i64', 'i64'] })
    const start = module.function({ params: [], results: [] })
    start.code.i32_const(200).i32_const(1).i32_const(2).memory_init(passive)
    start.code.i32_const(300).i32_const(100).i32_const(4).memory_copy()
    start.code.i32_const(304).i32_const(0x21).i32_const(2).memory_fill()
    module.start(start)
    const square = module.function({ params: ['i64'], results: ['i64'] }, { export: 'square' })
    square.code.local_get(0)
    square.code.block(pair)
    square.code.local_get(0).end().i64_mul()
    module.export('memory', 'memory', 0)
    const exports = instantiate(module) as unknown as {
      memory: WebAssembly.Memory
      square(n: bigint): bigint
    }
    expect(exports.square(-3n)).toBe(9n)
    expect(new TextDecoder().decode(exports.memory.buffer.slice(300, 306))).toBe('skep!!')
    expect([...new Uint8Array(exports.memory.buffer, 200, 3)]).toEqual([8, 7, 0])
  })

  it('writes names and custom sections that wabt reads, and leaves names out on request', async () => {
    const wabt = await initWabt()
    const module = new ModuleBuilder('firewall')
    const fn = module.function({ params: ['i32'], results: ['i32'] }, { name: 'parse_ipv4', params: ['ctx'] })
    const local = fn.code.local('i32', 'r6')
    fn.code.local_get(0).local_tee(local)
    module.custom('skep', new Uint8Array([1, 2, 3]))
    const bytes = module.encode()
    const compiled = new WebAssembly.Module(bytes)
    expect([...new Uint8Array(WebAssembly.Module.customSections(compiled, 'skep')[0]!)]).toEqual([1, 2, 3])
    const parsed = wabt.readWasm(bytes, { readDebugNames: true })
    const text = parsed.toText({})
    for (const name of ['$firewall', '$parse_ipv4', '$ctx', '$r6']) expect(text).toContain(name)
    parsed.destroy()
    const bare = new WebAssembly.Module(module.encode({ names: false }))
    expect(WebAssembly.Module.customSections(bare, 'name')).toEqual([])
  })

  it('survives a round trip through wabt’s text byte for byte', async () => {
    const wabt = await initWabt()
    const module = new ModuleBuilder()
    module.importFunction('env', 'f', { params: [], results: ['i64'] })
    const { code } = module.function({ params: [], results: ['i64'] }, { export: 'g' })
    code.local('i64')
    code
      .call(0)
      .i64_const(-(2n ** 63n))
      .i64_const_halves(0x1234_5678, 0x9abc_def0)
      .i64_xor()
      .i64_xor()
    const bytes = module.encode()
    const parsed = wabt.readWasm(bytes, {})
    const again = wabt.parseWat('again.wat', parsed.toText({}), {})
    expect([...again.toBinary({}).buffer]).toEqual([...bytes])
    parsed.destroy()
    again.destroy()
  })

  it('writes 64-bit constants exactly', () => {
    const module = new ModuleBuilder()
    const values = [0n, -1n, 63n, 64n, -64n, -65n, 2n ** 53n - 1n, 2n ** 63n - 1n, -(2n ** 63n), 0xdead_beefn]
    values.forEach((value, n) => {
      const exact = BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))
      module
        .function({ params: [], results: ['i64'] }, { export: `${n}` })
        .code.i64_const(exact ? Number(value) : value)
    })
    const exports = instantiate(module)
    expect(values.map((_, n) => exports[n]!())).toEqual(values)
    const { code } = module.function({ params: [], results: [] })
    expect(() => code.i64_const(2 ** 60)).toThrow(expect.objectContaining({ code: 'WASM_RANGE' }))
  })

  it('refuses what cannot be encoded, with a code', () => {
    const failing = (code: string, build: (module: ModuleBuilder) => unknown): void =>
      expect(() => build(new ModuleBuilder()), code).toThrow(expect.objectContaining({ code }))
    const nothing = { params: [], results: [] }
    failing('WASM_IMPORT_ORDER', (m) => {
      m.function(nothing)
      m.importFunction('a', 'b', nothing)
    })
    failing('WASM_DUPLICATE', (m) => {
      m.function(nothing, { export: 'a' })
      m.function(nothing, { export: 'a' })
    })
    failing('WASM_RANGE', (m) => m.memory({ initial: 1, shared: true }))
    failing('WASM_UNBALANCED', (m) => {
      m.function(nothing, { name: 'open' }).code.block()
      m.encode()
    })
    failing('WASM_UNBALANCED', (m) => m.function(nothing).code.end())
    failing('WASM_LABEL', (m) => {
      const { code } = m.function(nothing)
      const label = code.block()
      code.end().br(label)
    })
  })

  it('copies code into other functions', () => {
    const part = createCode(3)
    const value = part.local('i64', 'value')
    part.block()
    part.local_get(2).i64_extend_i32_u().i64_const(2).i64_mul().local_set(value).br(1).end()
    const module = new ModuleBuilder()
    const two = module.function({ params: ['i32'], results: ['i64'] }, { export: 'two' })
    two.code.local('i32')
    two.code.local('i32')
    two.code.local_get(0).local_set(2)
    two.code.append(part)
    two.code.local_get(value)
    const three = module.function({ params: ['i32', 'i32', 'i32'], results: ['i64'] }, { export: 'three' })
    three.code.append(part)
    three.code.local_get(value)
    const exports = instantiate(module)
    expect([exports['two']!(21), exports['three']!(1, 2, 3)]).toEqual([42n, 6n])

    const { code } = module.function({ params: ['i32'], results: [] })
    expect(() => code.append(part)).toThrow(expect.objectContaining({ code: 'WASM_LOCALS' }))
    const open = createCode(1)
    open.block()
    expect(() => code.append(open)).toThrow(expect.objectContaining({ code: 'WASM_UNBALANCED' }))
  })

  it('encodes large functions', () => {
    const module = new ModuleBuilder()
    const { code } = module.function({ params: [], results: ['i64'] }, { export: 'f' })
    const local = code.local('i64')
    for (let i = 0; i < 25_000; i++) code.local_get(local).i64_const(i).i64_add().local_set(local)
    code.local_get(local)
    expect(instantiate(module)['f']!()).toBe((24_999n * 25_000n) / 2n)
  })
})
