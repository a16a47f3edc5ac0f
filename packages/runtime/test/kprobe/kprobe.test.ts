import {
  addressOf,
  attachKprobe,
  attachKprobeMulti,
  attachKretprobe,
  attachUprobe,
  attachUprobeMulti,
  frameAt,
} from '@skep/hook-kprobe'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { codeOf, loadProbes, type Probes } from './probes.ts'

// Probes of JavaScript functions: what programs see of a call, and that nobody else sees the probe.

let probes: Probes
beforeAll(async () => {
  probes = await loadProbes()
})
afterAll(() => probes.runtime.close())
beforeEach(() => probes.reset())

class Shape {
  #side = 3
  static made = 0
  static make(): Shape {
    return new this()
  }
  constructor() {
    Shape.made++
  }
  area(scale: number): number {
    return this.#side * scale
  }
  get side(): number {
    return this.#side
  }
  set side(value: number) {
    this.#side = value
  }
}

describe('what a program sees', () => {
  const seen = (...args: unknown[]): bigint[] => {
    const target = { call: (..._: unknown[]) => {} }
    const link = attachKprobe(probes.kprobe('see'), target, 'call')
    target.call(...args)
    link.close()
    return probes.numbers('seen', 6)
  }

  it('of numbers: 64-bit integers, towards zero, as far as they reach', () => {
    expect(seen(1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, -(2 ** 53))).toEqual([
      1n,
      -1n,
      2n ** 31n,
      -(2n ** 31n) - 1n,
      2n ** 53n,
      -(2n ** 53n),
    ])
    expect(seen(1.9, -1.9, Number.NaN, Infinity, -Infinity, -0)).toEqual([
      1n,
      -1n,
      0n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      0n,
    ])
    expect(seen(0.5, -0.5, 2 ** 32, -(2 ** 32), 2 ** 63, 4294967295.5)).toEqual([
      0n,
      0n,
      2n ** 32n,
      -(2n ** 32n),
      2n ** 63n - 1n,
      4294967295n,
    ])
  })

  it('of booleans, bigints and nothing; what a call has not is 0', () => {
    expect(seen(true, false, 2n ** 63n + 1n, -5n, null, undefined)).toEqual([
      1n,
      0n,
      -(2n ** 63n) + 1n,
      -5n,
      0n,
      0n,
    ])
    expect(seen(7)).toEqual([7n, 0n, 0n, 0n, 0n, 0n])
    expect(probes.number('count')).toBe(1)
  })

  it('of objects and functions: handles, the same for the same object, that nobody can read', () => {
    const object = { a: 1 }
    const [first, second, third] = seen(object, object, () => {})
    expect(first).toBe(BigInt.asIntN(64, addressOf(object)))
    expect(second).toBe(first)
    expect(third).not.toBe(first)
    const target = { call: (_: unknown) => {} }
    using link = attachKprobe(probes.kprobe('read_bytes'), target, 'call')
    target.call(object)
    expect(probes.number('status')).toBe(-14)
    expect(link.stats.runs).toBe(1)
  })

  it('of more than six arguments: the others on the stack', () => {
    seen(1, 2, 3, 4, 5, 6, 7, -8, 9n, true)
    expect(probes.number('status')).toBe(0)
    expect(probes.numbers('on_stack', 6)).toEqual([7n, -8n, 9n, 1n, 0n, 0n])
    expect(probes.number('count')).toBe(10)
    seen(1)
    expect(probes.numbers('on_stack', 6)).toEqual([0n, 0n, 0n, 0n, 0n, 0n])
  })

  it('of strings and buffers: pointers that it can read during the call', () => {
    const target = { call: (_: unknown) => {} }
    using text = attachKprobe(probes.kprobe('read_text'), target, 'call')
    for (const word of ['', 'GET /', 'Grüße 🐝', 'x'.repeat(63)]) {
      target.call(word)
      expect(probes.text()).toBe(word)
      expect(probes.number('status')).toBe(new TextEncoder().encode(word).length + 1)
    }
    target.call('y'.repeat(10_000))
    expect(probes.text()).toBe('y'.repeat(63))
    target.call(null)
    expect(probes.number('status')).toBe(-14)
    text.close()
    using bytes = attachKprobe(probes.kprobe('read_bytes'), target, 'call')
    for (const value of [
      new TextEncoder().encode('abcdefgh'),
      new Uint16Array([0x6261, 0x6463, 0x6665, 0x6867]),
      new TextEncoder().encode('abcdefgh').buffer,
    ]) {
      target.call(value)
      expect(probes.text().slice(0, 8)).toBe('abcdefgh')
    }
    expect(bytes.stats.runs).toBe(3)
  })

  it('of the attachment: cookie, function, receiver', () => {
    const target = { call(): void {} }
    const { call } = target
    using link = attachKprobe(probes.kprobe('see'), target, 'call', {
      cookie: 2n ** 64n - 2n,
      receiver: true,
    })
    target.call()
    expect(probes.bigint('cookie')).toBe(2n ** 64n - 2n)
    expect(probes.bigint('func_ip')).toBe(addressOf(call))
    expect(probes.bigint('ip')).toBe(addressOf(call))
    expect(link.functions).toEqual([{ name: 'call', address: addressOf(call) }])
    expect(probes.bigint('receiver')).toBe(addressOf(target))
  })

  it('of what the host picks from a call', () => {
    const target = { call: (_: { status: number }) => {} }
    using _ = attachKprobe(probes.kprobe('see'), target, 'call', {
      args: (_receiver, [first]) => [(first as { status: number }).status, 2],
    })
    target.call({ status: 404 })
    expect(probes.numbers('seen', 2)).toEqual([404n, 2n])
    target.call(undefined as never)
    expect(probes.faults).toHaveLength(1)
    expect(probes.number('runs')).toBe(2)
  })
})

describe('a probed function', () => {
  it('is the original again when the last probe is gone, in any order', () => {
    const target = { add: (a: number, b: number) => a + b }
    const before = Object.getOwnPropertyDescriptor(target, 'add')
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      const links = [1n, 2n, 3n].map((cookie) =>
        attachKprobe(probes.kprobe('see'), target, 'add', { cookie }),
      )
      expect(target.add(1, 2)).toBe(3)
      for (const n of order) {
        expect(target.add).not.toBe(before!.value)
        links[n]!.close()
        expect(target.add(1, 2)).toBe(3)
      }
      expect(Object.getOwnPropertyDescriptor(target, 'add')).toEqual(before)
      expect(target.add).toBe(before!.value)
    }
    expect(probes.number('runs')).toBe(3 * (3 + 2 + 1))
  })

  it('has the name, the length and the class of its original, and is a constructor only where that is', async () => {
    const target = {
      named: (_a: number, _b: number) => 1,
      async later(_: number): Promise<number> {
        return 2
      },
      plain: function old(this: unknown): unknown {
        return this
      },
      Shape,
    }
    const links = (['named', 'later', 'plain', 'Shape'] as const).map((name) =>
      attachKprobe(probes.kprobe('see'), target, name),
    )
    expect([target.named.name, target.named.length]).toEqual(['named', 2])
    expect(target.later.constructor.name).toBe('AsyncFunction')
    expect(await target.later(1)).toBe(2)
    expect(() => Reflect.construct(target.named, [])).toThrow(TypeError)
    expect(target.plain.name).toBe('old')
    expect(target.plain()).toBe(target)
    expect(() => (target.Shape as unknown as () => void)()).toThrow(TypeError)
    const made = new target.Shape()
    expect(made).toBeInstanceOf(Shape)
    expect(made).toBeInstanceOf(target.Shape)
    expect(Object.getPrototypeOf(made)).toBe(Shape.prototype)
    class Square extends target.Shape {}
    expect(new Square()).toBeInstanceOf(Square)
    const { made: count } = Shape
    expect(target.Shape.make().area(2)).toBe(6)
    expect(target.Shape.made).toBe(count + 1)
    for (const link of links) link.close()
    expect(target.Shape).toBe(Shape)
  })

  it('may be a method of a class, a static one or an accessor', () => {
    const { area } = Shape.prototype
    const links = [
      attachKprobe(probes.kprobe('see'), Shape.prototype, 'area'),
      attachKprobe(probes.kprobe('see'), Shape, 'make'),
      attachKprobe(probes.kprobe('see'), Shape.prototype, 'side', { accessor: 'get' }),
      attachKprobe(probes.kprobe('see'), Shape.prototype, 'side', { accessor: 'set' }),
    ]
    const shape = Shape.make()
    shape.side = 5
    expect(shape.area(2) + shape.side).toBe(15)
    expect(probes.number('runs')).toBe(4)
    expect(Object.keys(Shape.prototype)).toEqual([])
    for (const link of links) link.close()
    expect(Shape.prototype.area).toBe(area)
    expect(shape.side).toBe(5)
    expect(probes.number('runs')).toBe(4)
  })

  it('may be inherited: the property of its own goes again', () => {
    const shape = new Shape()
    const link = attachKprobe(probes.kprobe('see'), shape, 'area')
    shape.area(1)
    new Shape().area(1)
    expect(probes.number('runs')).toBe(1)
    link.close()
    expect(Object.hasOwn(shape, 'area')).toBe(false)
  })

  it('that somebody wrapped meanwhile stays wrapped, and is free of probes', () => {
    const target = { call: (n: number) => n }
    const link = attachKprobe(probes.kprobe('see'), target, 'call')
    const { call } = target
    target.call = (n) => call(n) + 1
    const theirs = target.call
    const second = attachKprobe(probes.kprobe('see'), target, 'call')
    expect(target.call(1)).toBe(2)
    expect(probes.number('runs')).toBe(2)
    link.close()
    expect(target.call(1)).toBe(2)
    second.close()
    expect(target.call).toBe(theirs)
    expect(target.call(1)).toBe(2)
    expect(probes.number('runs')).toBe(3)
  })
})

describe('a return probe', () => {
  it('sees what is returned and what is thrown; throws propagate', () => {
    const error = new RangeError('no')
    const target = {
      call(n: number): number {
        if (n < 0) throw error
        return n * 2
      },
    }
    using link = attachKretprobe(probes.kprobe('returned'), target, 'call')
    expect(target.call(21)).toBe(42)
    expect([probes.number('result'), probes.number('threw')]).toEqual([42, 0])
    expect(() => target.call(-1)).toThrow(error)
    expect([probes.bigint('result'), probes.number('threw')]).toEqual([addressOf(error), 1])
    expect(link.stats.runs).toBe(2)
  })

  it('of an async function comes at its return or, if asked, at its settlement', async () => {
    const target = {
      async call(n: number): Promise<number> {
        await null
        if (n < 0) throw new RangeError('no')
        return n * 2
      },
    }
    const early = attachKretprobe(probes.kprobe('returned'), target, 'call', { cookie: 1n })
    const late = attachKretprobe(probes.kprobe('returned'), target, 'call', { cookie: 2n, at: 'settlement' })
    const promise = target.call(4)
    expect(probes.number('order')).toBe(1)
    expect(await promise).toBe(8)
    expect([probes.number('order'), probes.number('result')]).toEqual([12, 8])
    await expect(target.call(-1)).rejects.toThrow('no')
    expect([probes.number('order'), probes.number('threw')]).toEqual([1212, 1])
    early.close()
    const left = target.call(1)
    late.close()
    await left
    expect(probes.number('runs')).toBe(4)
  })

  it('of nested and recursive calls comes as often as they return', () => {
    const target = { sum: (n: number): number => (n === 0 ? 0 : n + target.sum(n - 1)) }
    using _ = attachKretprobe(probes.kprobe('returned'), target, 'sum')
    expect(target.sum(10)).toBe(55)
    expect([probes.number('runs'), probes.number('result')]).toEqual([11, 55])
  })
})

describe('several functions', () => {
  it('by a pattern, each with its cookie; all or none', () => {
    const target = { read_a: () => 1, read_b: () => 2, write: () => 3 }
    const before = { ...target }
    const link = attachKprobeMulti(probes.kprobe('many'), target, 'read_*', {
      cookies: { read_a: 1n, read_b: 2n },
    })
    expect(link.functions.map(({ name }) => name)).toEqual(['read_a', 'read_b'])
    target.read_b()
    expect(probes.bigint('func_ip')).toBe(addressOf(before.read_b))
    target.read_a()
    target.write()
    expect([probes.number('order'), probes.number('runs')]).toEqual([21, 2])
    link.close()
    expect(target).toEqual(before)
    expect(codeOf(() => attachKprobeMulti(probes.kprobe('many'), target, ['read_a', 'absent']))).toBe(
      'NO_SUCH_FUNCTION',
    )
    expect(target.read_a).toBe(before.read_a)
    expect(codeOf(() => attachKprobeMulti(probes.kprobe('many'), target, /^x/))).toBe('NO_SUCH_FUNCTION')
  })

  it('as a session: the entry decides whether the return comes, and keeps something for it', () => {
    probes.collection.writeGlobal('limit', 3)
    const target = { down: (n: number): number => (n === 0 ? 0 : target.down(n - 1) + 10) }
    using link = attachKprobeMulti(probes.kprobe('around'), target, 'down')
    expect(target.down(4)).toBe(40)
    // Entries of 4 to 0; returns of 0, 1 and 2, the innermost first.
    expect(link.stats.runs).toBe(5 + 3)
    expect([probes.number('order'), probes.number('result')]).toEqual([102, 20])
  })

  it('of a module, by their path', () => {
    const module = { net: { Shape } }
    using one = attachUprobe(probes.kprobe('see'), module, 'net.Shape.prototype.area')
    using _ = attachUprobe(probes.kprobe('returned'), module, 'net.Shape.prototype.area', { retprobe: true })
    expect(new Shape().area(3)).toBe(9)
    expect([probes.number('runs'), probes.number('result')]).toEqual([2, 9])
    expect(one.functions[0]!.name).toBe('area')
    expect(codeOf(() => attachUprobe(probes.kprobe('see'), module, 'net.Shap.prototype.area'))).toBe(
      'NO_SUCH_FUNCTION',
    )
    expect(codeOf(() => attachUprobeMulti(probes.kprobe('many'), module, 'net.Shape.prototype.*'))).toBe(
      'WRONG_PROGRAM_TYPE',
    )
  })
})

describe('stacks', () => {
  const stack = (): readonly string[] => {
    const id = probes.number('stack_id')
    const value = probes.collection.map('stacks').lookup(new Uint8Array(Uint32Array.of(id).buffer))!
    const frames = new BigUint64Array(value.slice().buffer)
    return [...frames].filter((ip) => ip !== 0n).map((ip) => frameAt(ip)?.name ?? '?')
  }

  it('have the function, its callers and nothing of the probe', () => {
    const target = {
      inner: () => 1,
      outer: function outer(): number {
        return target.inner()
      },
    }
    const links = ['inner', 'outer'].map((name) => attachKprobe(probes.kprobe('trace'), target, name))
    const links2 = attachKretprobe(probes.kprobe('returned'), target, 'outer')
    function caller(): number {
      return target.outer()
    }
    caller()
    expect(stack().slice(0, 3)).toEqual(['inner', 'outer', 'caller'])
    for (const link of [...links, links2]) link.close()
  })
})

describe('a program', () => {
  it('may give a call another end', () => {
    const target = { call: (n: number) => n }
    using _ = attachKprobe(probes.kprobe('instead'), target, 'call', {
      override: (value) => {
        if (value === -22n) throw new RangeError('EINVAL')
        return Number(value)
      },
    })
    expect(target.call(1)).toBe(1)
    expect(() => target.call(-1)).toThrow('EINVAL')
    expect(target.call(2)).toBe(2)
    expect(codeOf(() => attachKprobe(probes.kprobe('instead'), target, 'call'))).toBe('NOT_OVERRIDABLE')
  })

  it('that runs is not interrupted by its own probe, and a listener that throws harms no call', () => {
    const target = { call: (n: number) => n }
    using link = attachKprobe(probes.kprobe('speak'), target, 'call')
    const listener = (): void => {
      target.call(0)
      throw new Error('listener')
    }
    probes.runtime.on('printk', listener)
    expect(target.call(5)).toBe(5)
    probes.runtime.off('printk', listener)
    expect(link.stats).toEqual({ runs: 1, missed: 1, faults: 0 })
    expect(probes.faults).toHaveLength(1)
    expect(target.call(6)).toBe(6)
  })

  it('of another type or for other places is refused by tsc and when it runs', () => {
    const target = { call: () => {} }
    const record = probes.collection.program('record', 'tracepoint')
    // @ts-expect-error: a tracepoint's program is no probe of functions
    const code = codeOf(() => attachKprobe(record, target, 'call'))
    expect(code).toBe('WRONG_PROGRAM_TYPE')
    expect(codeOf(() => attachKprobe(probes.kprobe('many'), target, 'call'))).toBe('WRONG_PROGRAM_TYPE')
    expect(codeOf(() => attachKprobeMulti(probes.kprobe('see'), target, '*'))).toBe('WRONG_PROGRAM_TYPE')
    expect(codeOf(() => attachKprobe(undefined as never, target, 'call'))).toBe('BAD_PROGRAM')
    expect(codeOf(() => attachKprobe(Promise.resolve() as never, target, 'call'))).toBe('BAD_PROGRAM')
  })

  it('is refused where there is no function to probe', () => {
    const see = probes.kprobe('see')
    const target = { call: () => {}, value: 1, nothing: null }
    expect(codeOf(() => attachKprobe(see, null as never, 'call'))).toBe('BAD_TARGET')
    expect(codeOf(() => attachKprobe(see, target, 'absent'))).toBe('NO_SUCH_FUNCTION')
    expect(codeOf(() => attachKprobe(see, target, 'value'))).toBe('NOT_A_FUNCTION')
    expect(codeOf(() => attachKprobe(see, target, 'nothing'))).toBe('NOT_A_FUNCTION')
    expect(codeOf(() => attachKprobe(see, Shape.prototype, 'side'))).toBe('NOT_A_FUNCTION')
    expect(codeOf(() => attachKprobe(see, Object.freeze({ call: () => {} }), 'call'))).toBe(
      'NOT_CONFIGURABLE',
    )
    expect(codeOf(() => attachKprobe(see, target, 'call', { args: -1 }))).toBe('BAD_OPTION')
    expect(codeOf(() => attachKprobe(see, target, 'call', { copy: 1 }))).toBe('BAD_OPTION')
    expect(codeOf(() => attachKprobe(see, target, 'call', { at: 'later' as never }))).toBe('BAD_OPTION')
  })

  it('attaches and detaches without growth', () => {
    const target = { call: (n: number) => n }
    const { call } = target
    const see = probes.kprobe('see')
    const { arena } = see.host
    const once = (): void => {
      const link = attachKprobe(see, target, 'call')
      target.call(1)
      link.close()
    }
    once()
    const before = { used: arena.used, count: arena.count }
    const rounds = Number(process.env['SKEP_ATTACHES'] ?? 2000)
    for (let n = 0; n < rounds; n++) once()
    expect({ used: arena.used, count: arena.count }).toEqual(before)
    expect(target.call).toBe(call)
    expect(probes.number('runs')).toBe(rounds + 1)
  })

  it('whose collection is closed is nowhere any more', async () => {
    const other = await loadProbes({ engine: 'interpreter', programs: ['see'] })
    const target = { call: (n: number) => n }
    const { call } = target
    const link = attachKprobe(other.kprobe('see'), target, 'call')
    expect(target.call(3)).toBe(3)
    expect(other.numbers('seen', 1)).toEqual([3n])
    other.collection.close()
    expect(link.closed).toBe(true)
    expect(target.call).toBe(call)
    other.runtime.close()
  })
})
