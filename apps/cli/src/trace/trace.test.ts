import { attachKprobeMulti, probeProviders } from '@skep/hook-kprobe'
import { createRuntime, type Runtime } from '@skep/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TraceError } from './ast.ts'
import { attachProbes } from './attach-probes.ts'
import { flameGraph, foldStacks, formatFolded } from './flame-graph.ts'
import { generate } from './generate.ts'
import { parseProgram } from './parse-program.ts'
import { formatResults } from './print-results.ts'
import { type MapResult, readResults } from './results.ts'

let runtime: Runtime
beforeAll(async () => {
  runtime = await createRuntime({ providers: probeProviders })
})
afterAll(() => runtime.close())

/** What a program on `target.call` gathers while `drive` runs. */
async function trace(
  text: string,
  drive: (call: (...args: unknown[]) => unknown) => void,
): Promise<readonly MapResult[]> {
  const program = generate(parseProgram(text))
  const collection = await runtime.load(program.spec)
  const target = { call: (...args: unknown[]) => args[0] }
  const links = program.probes.map(({ index, program: name, probe }) =>
    attachKprobeMulti(collection.program(name, 'kprobe'), target, 'call', {
      cookies: () => BigInt(index),
      ...(probe.kind === 'session' ? {} : { retprobe: probe.kind === 'kretprobe' }),
    }),
  )
  drive((...args) => target.call(...args))
  for (const link of links) link.close()
  const results = readResults(collection, program, () => 'call')
  collection.close()
  return results
}

const rowsOf = (results: readonly MapResult[], name: string): Record<string, bigint> => {
  const found = results.find((one) => one.name === name)!
  if (!('rows' in found)) throw new Error(`${name} is a histogram`)
  return Object.fromEntries(found.rows.map(({ key, value }) => [key.join(' '), value]))
}

/** Numbers from a seed (xorshift). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const OPERATORS = [
  '+',
  '-',
  '*',
  '/',
  '%',
  '&',
  '|',
  '^',
  '<<',
  '>>',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '&&',
  '||',
]

/** An expression and what it is of two arguments, as 64-bit arithmetic has it. */
function randomExpression(
  random: (below: number) => number,
  args: readonly bigint[],
  depth: number,
): [string, bigint] {
  const pick = random(depth === 0 ? 2 : 6)
  if (pick === 0) {
    const n = random(args.length)
    return [`arg${n}`, args[n]!]
  }
  if (pick === 1) {
    const number = BigInt(random(2 ** 31)) << BigInt(random(32))
    return [`${number}`, number]
  }
  const [left, a] = randomExpression(random, args, depth - 1)
  if (pick === 2) {
    const sign = '-~!'[random(3)]!
    const value = sign === '-' ? -a : sign === '~' ? ~a : a === 0n ? 1n : 0n
    return [`${sign}(${left})`, BigInt.asIntN(64, value)]
  }
  const operator = OPERATORS[random(OPERATORS.length)]!
  if (operator === '<<' || operator === '>>') {
    const by = BigInt(random(64))
    return [`(${left} ${operator} ${by})`, BigInt.asIntN(64, operator === '<<' ? a << by : a >> by)]
  }
  const [right, b] = randomExpression(random, args, depth - 1)
  const truth = (yes: boolean): bigint => (yes ? 1n : 0n)
  const values: Record<string, () => bigint> = {
    '+': () => a + b,
    '-': () => a - b,
    '*': () => a * b,
    // As the instructions have it: by 0 is 0, and the remainder is what was divided.
    '/': () => (b === 0n ? 0n : a / b),
    '%': () => (b === 0n ? a : a % b),
    '&': () => a & b,
    '|': () => a | b,
    '^': () => a ^ b,
    '==': () => truth(a === b),
    '!=': () => truth(a !== b),
    '<': () => truth(a < b),
    '<=': () => truth(a <= b),
    '>': () => truth(a > b),
    '>=': () => truth(a >= b),
    '&&': () => truth(a !== 0n && b !== 0n),
    '||': () => truth(a !== 0n || b !== 0n),
  }
  return [`(${left} ${operator} ${right})`, BigInt.asIntN(64, values[operator]!())]
}

const REFUSED: readonly (readonly [text: string, message: string])[] = [
  ['', 'an empty program'],
  ['kprobe:x { @ = count() }', 'write kprobe:MODULE:FUNCTION'],
  ['interval:s:1 { @ = count() }', 'no kind of probe'],
  ['profile:ms:9 { @ = count() }', 'write profile:hz:RATE'],
  ['kprobe:m:f { printf("x") }', 'an action begins with a map or delete'],
  ['kprobe:m:f { @ = count(1) }', 'expected ")"'],
  ['kprobe:m:f { @ = wrong }', 'expected a value, found "wrong }"'],
  ['kprobe:m:f { @ = arg12 }', 'arg12 is no argument'],
  ['kprobe:m:f { @ = retval }', 'kprobe has no retval'],
  ['kretprobe:m:f { @ = arg0 }', 'kretprobe:m:f has no arg0'],
  ['kprobe:m:f { @ = count(); @[1] = count() }', '@ has keys () at one place and (int) at another'],
  ['kprobe:m:f { @ = count(); @ = sum(1) }', '@ is count at one place and sum at another'],
  ['kprobe:m:f /@never/ { @ = count() }', '@never is read, and nothing sets it'],
  ['kprobe:m:f { @ = hist(1); delete(@) }', '@ is a histogram'],
  ['kprobe:m:f { @ = sum(str(arg0)) }', 'a text is no number'],
  ['kprobe:m:f /str(arg0) < "a"/ { @ = count() }', 'compared with == or !='],
  ['tracepoint:perf_hooks:gc { @ = sum(args.length) }', 'has args.duration, args.kind, args.flags'],
  ['tracepoint:async_hooks:init { @ = sum(args.type) }', 'write str(args.type)'],
  [`kprobe:m:f { @[${Array(9).fill('str(arg0)').join()}] = count() }`, 'fewer keys'],
  [`kprobe:m:f { @ = sum(${'('.repeat(3000)}1) }`, 'too deep'],
  [`kprobe:m:f { @ = sum(${2n ** 64n}) }`, 'more than 64 bits'],
]

describe('programs', () => {
  it('calculate as 64-bit arithmetic does', async () => {
    const random = randomFrom(Number(process.env['SKEP_SEED'] ?? 7))
    const args = [-3n, 2n ** 40n + 5n, 0n]
    const all = Array.from({ length: 30 }, () => randomExpression(random, args, 3))
    const text = `kprobe:m:call { ${all.map(([expression], n) => `@v[${n}] = ${expression}`).join('; ')} }`
    const results = await trace(text, (call) => call(...args))
    const rows = rowsOf(results, '@v')
    for (const [n, [expression, value]] of all.entries()) expect(rows[`${n}`], expression).toBe(value)
  })

  it('count, sum and find the least and the most, by keys and filters', async () => {
    const results = await trace(
      `kprobe:m:call /arg0 > 1 && arg0 != 4/ { @n = count(); @by[arg0 % 2, str(arg1)] = count(); @s = sum(arg0) }
       kprobe:m:call { @least = min(arg0); @most = max(arg0); @all++; @probe[probe] = count() }
       kretprobe:m:call /retval == 5/ { @five[func] = count() }`,
      (call) => {
        for (let n = 0; n < 6; n++) call(n, n < 3 ? 'a' : 'b')
      },
    )
    expect(rowsOf(results, '@n')).toEqual({ '': 3n })
    expect(rowsOf(results, '@by')).toEqual({ '0 a': 1n, '1 b': 2n })
    expect(rowsOf(results, '@s')).toEqual({ '': 10n })
    expect([rowsOf(results, '@least'), rowsOf(results, '@most')]).toEqual([{ '': 0n }, { '': 5n }])
    expect(rowsOf(results, '@all')).toEqual({ '': 6n })
    expect(rowsOf(results, '@probe')).toEqual({ 'kprobe:m:call': 6n })
    expect(rowsOf(results, '@five')).toEqual({ call: 1n })
  })

  it('keep values in maps, compare texts, and delete', async () => {
    const results = await trace(
      `kprobe:m:call /str(arg0) == "in"/ { @since[tid] = arg1 }
       kprobe:m:call /str(arg0) != "in" && @since[tid]/ { @took = sum(arg1 - @since[tid]); delete(@since[tid]) }`,
      (call) => {
        for (const [word, time] of [
          ['out', 1],
          ['in', 10],
          ['out', 17],
          ['out', 30],
          ['in', 40],
        ])
          call(word, time)
      },
    )
    expect(rowsOf(results, '@took')).toEqual({ '': 7n })
    expect(Object.values(rowsOf(results, '@since'))).toEqual([40n])
  })

  it('make histograms of powers of two', async () => {
    const results = await trace('kprobe:m:call { @h[arg1] = hist(arg0) }', (call) => {
      for (const value of [-5, 0, 1, 2, 3, 4, 1023, 1024, 2 ** 40]) call(value, 1)
    })
    const [only] = results
    if (!only || !('histograms' in only)) throw new Error('no histogram')
    const filled = only.histograms[0]!.buckets.filter(({ count }) => count > 0n)
    expect(filled.map(({ count, least }) => [least, count])).toEqual([
      [-(2n ** 63n), 1n],
      [0n, 1n],
      [1n, 1n],
      [2n, 2n],
      [4n, 1n],
      [512n, 1n],
      [1024n, 1n],
      [2n ** 40n, 1n],
    ])
    const text = formatResults(results)
    expect(text.split('\n').slice(0, 5)).toEqual([
      '@h[1]:',
      '(..., 0)                1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |',
      '[0]                     1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |',
      '[1]                     1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |',
      '[2, 4)                  2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|',
    ])
    expect(text).toContain('[1K, 2K) ')
  })

  it('follow properties of arguments, in modules that are found as the script finds them', async () => {
    const program = generate(
      parseProgram(
        'kprobe:node:path:join { @[arg0.length, str(arg1)] = count(); @stacks[ustack] = count() }',
      ),
    )
    const collection = await runtime.load(program.spec)
    const attached = await attachProbes(collection, program.probes, { script: import.meta.filename })
    const { join } = process.getBuiltinModule('node:path')
    join('four', 'x')
    attached.close()
    join('four', 'x')
    const results = readResults(collection, program, attached.nameOf)
    expect(rowsOf(results, '@')).toEqual({ '4 x': 1n })
    const [stack] = foldStacks(results)
    expect(stack).toMatchObject({ count: 1 })
    expect(stack!.frames.at(-1)).toBe('join')
    expect(stack!.frames.at(-2)).toContain('trace.test.ts')
    collection.close()
  })

  it.each(REFUSED.map(([text, message]) => [message, text] as const))(
    'refuse what is wrong: %s',
    (message, text) => {
      const refused = (): unknown => generate(parseProgram(text))
      expect(refused).toThrow(message)
      expect(refused).toThrow(TraceError)
    },
  )
})

describe('flame graphs', () => {
  const stacks = [
    { frames: ['main', 'a <b> & "c"', 'x'], count: 3 },
    { frames: ['main', 'y;z'], count: 1 },
  ]

  it('are as wide as stacks are many, and well-formed', () => {
    const svg = flameGraph(stacks, 'a & b')
    expect(svg).toContain('<title>main (4 of 4, 100.00%)</title><rect x="0.0"')
    expect(svg).toContain(
      'a &lt;b&gt; &amp; &quot;c&quot; (3 of 4, 75.00%)</title><rect x="0.0" y="49" width="899.5"',
    )
    expect(svg).toContain('<title>y;z (1 of 4, 25.00%)</title><rect x="900.0"')
    expect(svg.match(/<g>/g)).toHaveLength(5)
    expect(svg.match(/<\/g>/g)).toHaveLength(5)
    expect(flameGraph([], 'none')).toContain('</svg>')
  })

  it('are told to other tools in folded form', () => {
    expect(formatFolded(stacks)).toBe('main;a <b> & "c";x 3\nmain;y:z 1\n')
  })
})
