import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { check, checkRings, findKernel, type Reference } from './bench.ts'
import { BenchError } from './errors.ts'
import { programOf, programs } from './programs.ts'
import { ringNames } from './subject.ts'

const reference = await findKernel()
const without: Reference = { reason: 'not asked for' }
const engines = ['interpreter', 'interpreter-batch', 'jit', 'jit-batch']
const sides = reference.kernel ? ['kernel', ...engines] : engines
const named = reference.kernel ? 'and in the kernel' : `(not compared with the kernel: ${reference.reason})`

afterAll(() => reference.kernel?.close())

describe(`every program does the same on every engine ${named}`, () => {
  it.each(programs.map((p) => [p.id, p] as const))('%s', async (_, program) => {
    const { outcomes } = await check(program, reference)
    expect(Object.keys(outcomes)).toEqual(sides)
    if (program.fill) expect(outcomes['jit']!.counted).toBe('0100000000000000')
  })

  it('rings', async () => {
    expect(await checkRings(reference)).toEqual(ringNames)
  })

  it('and it would be noticed if it did not', async () => {
    const wrong = { ...programOf('b'), retval: 2 }
    await expect(check(wrong, without)).rejects.toThrow(
      new BenchError('DISAGREE', 'b drop_port: interpreter returned 1, must be 2'),
    )
  })
})

describe('the command', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  const command = node('scripts/dev.mjs', '--app', 'bench', '--path').stdout.trim()
  const bench = (...args: string[]) => node(command, ...args)

  it('times both engines in threads of their own, and prints JSON', { timeout: 120_000 }, () => {
    const { stdout, stderr, status } = bench(
      ...['--only', 'b,ring', '--rounds', '2', '--window', '0.05', '--warm-up', '1', '--json'],
    )
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const { machine, programs: results, rings, withoutKernel } = JSON.parse(stdout)
    expect(machine.cores).toBeGreaterThan(0)
    const [b] = results
    const expected = withoutKernel ? [] : ['kernel']
    expect(Object.keys(b.sides)).toEqual([...expected, 'interpreter', 'jit', 'jit-batch'])
    for (const side of Object.values(b.sides) as { ns: { min: number; median: number; max: number } }[]) {
      expect(side.ns.min).toBeGreaterThan(0)
      expect(side.ns.max).toBeGreaterThanOrEqual(side.ns.median)
    }
    expect('ratio' in b.sides.jit).toBe(withoutKernel === undefined)
    const ofB = rings.filter((r: { program: string }) => r.program === 'b')
    expect(ofB.map((r: { ring: string }) => r.ring)).toEqual(ringNames)
  })

  it('takes an object', { timeout: 120_000 }, () => {
    const object = 'apps/bench/programs/blacklist.o'
    const { stdout, status } = bench('--quick', '--object', object, '--as', 'e')
    expect(stdout).toMatch(/blacklist +\| 1 +\|/)
    expect(status).toBe(0)
  })

  it('says what is wrong, and how', { timeout: 120_000 }, () => {
    const usage = bench('--only', 'z')
    expect([usage.status, usage.stdout]).toEqual([2, ''])
    expect(usage.stderr).toMatch(/^bench: --only: no program z; .*\(add --help for usage\)\n$/)
    const refused = bench('--quick', '--object', 'apps/bench/programs/trivial.o', '--as', 'e')
    expect(refused.status).toBe(1)
    expect(refused.stderr).toMatch(/^bench: no hash of 4-byte keys and 8-byte values in the object/)
    const absent = bench('--quick', '--object', 'absent.o')
    expect(absent.status).toBe(1)
    expect(absent.stderr).toMatch(/^bench: ENOENT/)
  })

  it('verifies programs beside the kernel, and in new processes', { timeout: 240_000 }, () => {
    const args = ['--only', 'policy.o', '--rounds', '2', '--cold', '1', '--whole', '1', '--json']
    const { stdout, stderr, status } = bench('verify', ...args)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const { programs: results, objects, means, withoutKernel } = JSON.parse(stdout)
    expect(results.map((r: { program: string }) => r.program)).toEqual(['from_container', 'to_container'])
    for (const result of results) {
      expect(result.walked).toBeGreaterThan(1000)
      if (withoutKernel === undefined) expect(result.kernelWalked).toBe(result.walked)
      expect(result.stateBytes).toBeGreaterThan(100_000)
      expect(result.stateBytes).toBeLessThan(500 * 2 ** 20)
      expect(result.warm.skep.min).toBeGreaterThan(0)
    }
    expect(objects).toHaveLength(1)
    const [{ object, programs: count, walked, cold, parts, whole }] = objects
    expect([object, count, walked]).toEqual(['policy.o', 2, results[0].walked + results[1].walked])
    for (const part of [cold.skep, parts.create, parts.parse, parts.again, parts.rss, whole]) {
      expect(part.min).toBeGreaterThan(0)
    }
    expect(Object.keys(means)).toEqual(withoutKernel === undefined ? ['warm', 'cold'] : [])
  })

  it('verifies the objects that are named, and tells why others are left out', { timeout: 240_000 }, () => {
    const { stdout, status } = bench(
      'verify',
      'apps/cli/testdata/refused_bounds.o',
      'apps/bench/programs/trivial.o',
    )
    expect(stdout).toContain('no object that walks more than 1000 instructions')
    expect(stdout).toMatch(/Left out:\nrefused_bounds\.o: \w+: /)
    expect(status).toBe(0)
    const absent = bench('verify', 'absent.o')
    expect([absent.status, absent.stderr]).toEqual([
      1,
      expect.stringMatching(/^bench: no file or folder absent\.o/),
    ])
    expect(bench('verify', '--rounds', '0').status).toBe(2)
  })
})
