import { type Kernel, openKernel } from '@skep/linux'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Argument, type Call, callHere, callThere, missing, named } from '../../test/impl/calls.ts'
import { createWorld, type World } from '../../test/impl/world.ts'

const RUNS = Number(process.env['SKEP_RUNS'] ?? 150)

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const block = (size: number, ...parts: readonly [at: number, bytes: Uint8Array][]): Uint8Array => {
  const memory = new Uint8Array(size)
  for (const [at, part] of parts) memory.set(part, at)
  return memory
}

describe.skipIf(missing)(named('helpers as the kernel'), () => {
  let kernel: Kernel
  let world: World
  beforeAll(async () => {
    kernel = await openKernel()
    world = createWorld()
  })
  afterAll(() => kernel.close())

  const same = (type: string, call: Call): void => {
    const [ours, theirs] = [callHere(world, call), callThere(kernel, type, call)]
    expect(ours).toEqual(theirs)
  }

  it('bpf_csum_diff', () => {
    const size = fc.integer({ min: 0, max: 60 })
    const data = fc.uint8Array({ minLength: 60, maxLength: 60 })
    const sparse = fc
      .array(fc.constantFrom(0, 0, 0xff), { minLength: 60, maxLength: 60 })
      .map((a) => Uint8Array.from(a))
    const seed = fc.oneof(
      fc.constantFrom(0, 1, 0xffff, 0xffff_ffff),
      fc.integer({ min: 0, max: 0xffff_ffff }),
    )
    const any = fc.oneof(data, sparse)
    fc.assert(
      fc.property(any, any, size, size, seed, (from, to, fromSize, toSize, start) => {
        const memory = block(128, [0, from], [64, to])
        same('sched_cls', {
          helper: 'bpf_csum_diff',
          args: [fromSize ? { at: 0 } : 0, fromSize, toSize ? { at: 64 } : 0, toSize, start],
          memory,
        })
      }),
      { numRuns: RUNS },
    )
  })

  it('bpf_strtol and bpf_strtoul', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      '7',
      '8',
      '9',
      'a',
      'F',
      'g',
      'x',
      '0x',
      '0X',
      '-',
      '+',
      ' ',
      '\t',
      '\xa0',
      '\0',
      '9223372036854775807',
      '9223372036854775808',
      '18446744073709551615',
      '18446744073709551616',
      'ffffffffffffffff',
      '1777777777777777777777',
      '00000000000000000000000000000000',
    )
    const text = fc
      .array(piece, { maxLength: 6 })
      .map((parts) => Uint8Array.from([...parts.join('')].map((c) => c.charCodeAt(0))))
    fc.assert(
      fc.property(
        fc.constantFrom('bpf_strtol', 'bpf_strtoul'),
        text,
        fc.constantFrom(0, 8, 10, 16, 2, 0x20, 0x30),
        (helper, digits, flags) => {
          const memory = block(256, [0, digits.subarray(0, 200)])
          const length = Math.max(1, Math.min(digits.length, 200))
          same('socket_filter', { helper, args: [{ at: 0 }, length, flags, { at: 208 }], memory })
        },
      ),
      { numRuns: RUNS * 2 },
    )
  })

  it('bpf_strncmp', () => {
    const text = fc.array(fc.constantFrom(0, 0x41, 0x42, 0xc3), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(text, text, fc.integer({ min: 1, max: 8 }), (a, b, size) => {
        same('socket_filter', {
          helper: 'bpf_strncmp',
          args: [{ at: 0 }, size, { text: 0 }],
          memory: block(8, [0, Uint8Array.from(a)]),
          text: Uint8Array.from([...b, 0]),
        })
      }),
      { numRuns: RUNS },
    )
  })

  describe('bpf_snprintf', () => {
    // 12 arguments at 0, strings and addresses at 96, the text at 256.
    const strings = block(
      64,
      [0, bytes('hello')],
      [8, bytes('')],
      [16, bytes('a much longer string, with ,.!')],
      [48, Uint8Array.from([192, 168, 7, 1, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])],
    )
    const TEXT = 256
    const MEMORY = 1024
    type Value = bigint | { readonly pointer: number }

    const snprintf = (format: string, values: readonly Value[], size: number, texts = true): void => {
      const numbers = new DataView(new ArrayBuffer(96))
      values.forEach((v, n) => {
        if (typeof v === 'bigint') numbers.setBigUint64(8 * n, BigInt.asUintN(64, v), true)
      })
      const args: Argument[] = [
        size ? { at: TEXT } : 0,
        size,
        { text: 0 },
        values.length ? { at: 0 } : 0,
        8 * values.length,
      ]
      const call: Call = {
        helper: 'bpf_snprintf',
        args,
        memory: block(
          MEMORY,
          [0, new Uint8Array(numbers.buffer)],
          [96, strings],
          [TEXT, new Uint8Array(700).fill(0x7e)],
        ),
        text: Uint8Array.from([...bytes(format), 0]),
        pointers: values.flatMap((v, n) =>
          typeof v === 'bigint' ? [] : [{ at: 8 * n, to: 96 + v.pointer }],
        ),
      }
      const [ours, theirs] = [callHere(world, call), callThere(kernel, 'socket_filter', call)]
      if (typeof theirs === 'string') {
        // The verifier tries the format itself.
        expect(theirs).toMatch(/Invalid format string/)
        expect(ours.r0, format).toBe(BigInt.asUintN(64, -22n))
        return
      }
      if (!texts) {
        const errno = (r0: bigint): bigint => (BigInt.asIntN(64, r0) < 0n ? r0 : 0n)
        expect(errno(ours.r0), JSON.stringify(format)).toBe(errno(theirs.r0))
        return
      }
      const text = (o: { memory: Uint8Array }): string =>
        Buffer.from(o.memory.subarray(TEXT)).toString('latin1')
      expect([ours.r0, text(ours)], JSON.stringify(format)).toEqual([theirs.r0, text(theirs)])
    }

    const number = fc.oneof(
      fc.constantFrom<bigint>(0n, 1n, -1n, 255n, 0x7fff_ffffn, 0x8000_0000n, 1n << 63n, (1n << 64n) - 1n),
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    )
    const flags = fc.array(fc.constantFrom('0', '-', '+', ' '), { maxLength: 3 }).map((f) => f.join(''))
    const width = fc.constantFrom('', '', '1', '3', '8', '20', '100')
    const word = fc.constantFrom('', ' ', ', ', 'abc', '.', '%%', '9', '\n')
    const integers = fc.record({
      text: fc.tuple(flags, width, fc.constantFrom('', 'l', 'll'), fc.constantFrom('d', 'i', 'u', 'x', 'X')),
      value: number as fc.Arbitrary<Value>,
    })
    const others = fc.record({
      text: fc.tuple(
        flags,
        width,
        fc.constant(''),
        fc.constantFrom('c', 's', 'pks', 'px', 'pI4', 'pi4', 'pI6', 'pi6'),
      ),
      value: fc.constantFrom(0, 8, 16, 48),
    })
    const conversion = fc.oneof(
      integers,
      others.map(({ text, value }) => {
        const kind = text[3]
        if (kind === 'c') return { text, value: BigInt(0x20 + value) as Value }
        if (kind === 'px') return { text, value: BigInt(value) << 33n }
        return { text, value: { pointer: kind.startsWith('pI') || kind.startsWith('pi') ? 48 : value } }
      }),
    )
    const format = fc.array(fc.tuple(word, conversion), { maxLength: 5 }).chain((parts) =>
      word.map((last) => ({
        format: parts.map(([w, c]) => `${w}%${c.text.join('')}`).join('') + last,
        values: parts.map(([, c]) => c.value),
      })),
    )

    it('prints the same text', () => {
      fc.assert(
        fc.property(format, fc.constantFrom(0, 1, 5, 40, 700), ({ format, values }, size) => {
          // Where a text has no room left, the kernel loses its place among the arguments and prints what lay there.
          const loses = /%[-+ 0-9]*p(k|u|I|i)/.test(format)
          snprintf(format, values, loses ? 700 : size)
        }),
        { numRuns: RUNS * 2 },
      )
    })

    it('refuses the same formats', () => {
      const any = fc
        .array(
          fc.constantFrom(
            '%',
            '%',
            '%%',
            'd',
            's',
            'p',
            'I',
            '4',
            '6',
            'k',
            'u',
            'x',
            'M',
            'l',
            'h',
            '#',
            '.',
            '*',
            '5',
            '0',
            '-',
            ' ',
            'B',
            'S',
            'K',
            'c',
            'é',
            '\x01',
            '\n',
          ),
          { maxLength: 7 },
        )
        .map((parts) => parts.join(''))
      fc.assert(
        fc.property(any, fc.integer({ min: 0, max: 3 }), (format, count) => {
          snprintf(
            format,
            Array.from({ length: count }, () => ({ pointer: 48 })),
            700,
            false,
          )
        }),
        { numRuns: RUNS * 2 },
      )
    })

    it('counts a text that has no room left by what fits', () => {
      for (const size of [0, 1, 5, 6, 20]) snprintf('9%X %pi4', [255n, { pointer: 48 }], size)
    })

    it.each([
      ['no argument left', '%d %d', [1n]],
      ['arguments left over', 'x', [1n, 2n]],
      ['a pointer to nothing', '[%s]', [0x1234n]],
      ['an address of nothing', '%pI4 %pI6', [16n, 16n]],
      ['letters behind a pointer', '%pI4abc1 %pxyz!', [{ pointer: 48 }, 5n]],
      ['a wide field', '%600d|', [-5n]],
      ['too much for the arguments', '%s%s%s%s%s%s%s%s%s%s%s%s', Array(12).fill({ pointer: 16 })],
      ['bytes that are no ASCII', 'é%dÿ%s\xa0', [7n, { pointer: 0 }]],
      ['characters', '%c%5c%-5c|', [65n, 66n, 67n]],
      ['addresses of nothing', '%p %pK %px %10p %-20pK| %020px', [0n, 0n, 0n, 0n, 0n, 0n]],
      ['errors for addresses', '%p %pK %25p|%-25pK|', [-2n, -22n, -2n, -22n]],
      ['symbols of no function', '%ps %pS %pB %pSR %20ps|%-20pS|', [0n, 0x1234n, 0x1234n, 5n, 6n, 7n]],
      ['symbols that end in letters', '%psx %pBx', [8n, 9n]],
      ['addresses of IPv6 in short', '%pI6c', [{ pointer: 48 }]],
      ['addresses in other words', '%pi4h', [{ pointer: 48 }]],
      ['a precision', '%.3s|%5.1d', [{ pointer: 0 }, 5n]],
      ['strings with widths', '%10s|%-10s|%2s|%010s|', Array(4).fill({ pointer: 0 })],
      ['strings of the kernel', '%pks|%10pks|%-10pks|', Array(3).fill({ pointer: 0 })],
      ['a string of no user', '[%pus]', [0n]],
    ] as const)('%s', (_, format, values) => snprintf(format, values as readonly Value[], 700))
  })
})
