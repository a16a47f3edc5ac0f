import { fileURLToPath } from 'node:url'
import { isKernelAvailable, openKernel } from '@skep/linux'
import type { CollectionSpec } from '@skep/runtime'
import { createVerifier } from '@skep/verifier'
import { describe, expect, it } from 'vitest'
import { compareObject, type ProgramComparison, type Side, summarize } from './against-kernel.ts'
import { createJudge, type Judge, openObject } from './verify-object.ts'

const available = await isKernelAvailable()
const testdata = (name: string): string => fileURLToPath(new URL(`../testdata/${name}`, import.meta.url))

describe.skipIf(!available.ok)(
  `compareObject${available.ok ? '' : `, skipped: ${available.reason}`}`,
  async () => {
    const judge = await createJudge({})
    const open = (name: string, options = {}): Promise<CollectionSpec> =>
      openObject(testdata(name), judge, options)

    async function compare(spec: CollectionSpec, by: Judge = judge): Promise<ProgramComparison[]> {
      using kernel = await openKernel()
      return compareObject(by, kernel, spec)
    }

    it('has the verdict of both sides on each program', async () => {
      const [accepted] = await compare(await open('firewall.o'))
      expect(accepted).toMatchObject({ name: 'firewall', section: 'xdp', type: 'xdp', equal: true })
      expect(accepted!.skep.verdict).toBe('accept')
      expect(accepted!.kernel.verdict).toBe('accept')
      expect(accepted!.skep.processed).toBe(accepted!.kernel.processed)
      const [refused] = await compare(await open('refused_null.o'))
      expect(refused!.equal).toBe(true)
      const { milliseconds, ...kernel } = refused!.kernel
      expect(milliseconds).toBeGreaterThan(0)
      expect(kernel).toEqual({
        verdict: 'reject',
        errno: 'EACCES',
        line: "R0 invalid mem access 'map_value_or_null'",
        processed: refused!.skep.processed,
      })
      expect(refused!.skep.line).toBe(kernel.line)
    })

    it('takes one program, and a type for those whose section names none', async () => {
      const all = await open('pass_drop.o')
      expect(all.programs.length).toBeGreaterThan(1)
      const one = await open('pass_drop.o', { program: all.programs[1]!.name })
      expect((await compare(one)).map((p) => p.name)).toEqual([all.programs[1]!.name])
      const untyped = { ...all, programs: all.programs.map((p) => ({ ...p, type: 0 })) }
      const refused = await compare(untyped)
      expect(refused.map((p) => [p.type, p.skep.verdict, p.kernel.verdict, p.skep.errno])).toEqual(
        all.programs.map(() => ['none', 'reject', 'reject', 'EINVAL']),
      )
      expect(summarize(refused).untyped).toBe(all.programs.length)
      expect(refused[0]!.skep.line).toContain('section xdp names no program type')
    })

    it('refuses every program of an object whose map cannot be made', async () => {
      const spec = await open('firewall.o')
      const maps = spec.maps.map((m) => (m.name === 'blocked' ? { ...m, maxEntries: 0 } : m))
      const [both] = await compare({ ...spec, maps })
      expect(both).toMatchObject({ equal: true, skep: { errno: 'EINVAL' }, kernel: { errno: 'EINVAL' } })
      expect(both!.skep.line).toContain('map blocked cannot be made: EINVAL: max_entries is 0')
      expect(both!.kernel.line).toContain("map 'blocked'")
    })

    it('sees where they differ', async () => {
      const hasty = { ...judge, verifier: await createVerifier(judge.platform, { complexityLimit: 10 }) }
      const [program] = await compare(await open('firewall.o'), hasty)
      expect(program).toMatchObject({
        equal: false,
        skep: { verdict: 'reject', errno: 'E2BIG' },
        kernel: { verdict: 'accept' },
      })
    })
  },
)

describe('summarize', () => {
  const side = (verdict: Side['verdict'], line = ''): Side => ({
    verdict,
    line,
    processed: 0,
    milliseconds: 0,
  })
  const program = (skep: Side, kernel: Side): ProgramComparison => ({
    name: 'p',
    section: 'xdp',
    type: 'xdp',
    equal: skep.verdict === kernel.verdict,
    skep,
    kernel,
  })

  it('counts each pair of verdicts', () => {
    const [yes, no] = [side('accept'), side('reject', 'a')]
    expect(
      summarize([
        program(yes, yes),
        program(yes, yes),
        program(yes, yes),
        program(no, no),
        program(no, side('reject', 'b')),
        program(yes, no),
        program(no, yes),
        program(no, yes),
        program(no, side('none')),
      ]),
    ).toEqual({
      programs: 9,
      bothAccept: 3,
      bothRefuse: 2,
      sameLine: 1,
      untyped: 0,
      onlySkepAccepts: 1,
      onlyKernelAccepts: 2,
      notJudged: 1,
    })
  })
})
