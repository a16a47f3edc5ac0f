import { attachTcx, type TcProgram, type TcxLink, tcxQuery } from '@skep/hook-tc'
import { kernel, networkInterface } from '@skep/linux'
import { createDevicePair, type PacketDevice } from '@skep/packet'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeNamespaces, type Namespaces, noNamespaces } from '../../../../vitest.namespaces.ts'
import { createRuntime, type Runtime } from '../../src/index.ts'
import { program, spec } from '../hostile-tools.ts'
import { missing } from '../kfunc-calls.ts'

// Orders of tcx's programs: random attachments, replacements and ends, here and on a veth of the kernel.

const names = ['a', 'b', 'c', 'd', 'e']
const programs = names.map((name) =>
  program('r0 = -1\nexit', { name, type: 'sched_cls', section: 'tcx/ingress' }),
)

/** A place among others, by indices of programs. */
interface Place {
  readonly before?: number | 'first'
  readonly after?: number | 'last'
}

interface Step extends Place {
  readonly act: 'attach' | 'update' | 'close'
  readonly who: number
  readonly other: number
  /** Of the revision now. */
  readonly older: number | undefined
}

const index = fc.nat(names.length - 1)
const place: fc.Arbitrary<Place> = fc.oneof(
  fc.constantFrom<Place>({}, { before: 'first' }, { after: 'last' }, { before: 'first', after: 'last' }),
  index.map((before) => ({ before })),
  index.map((after) => ({ after })),
  index.map((one) => ({ before: one, after: one })),
)
const step: fc.Arbitrary<Step> = fc
  .record({
    act: fc.constantFrom('attach', 'attach', 'attach', 'update', 'close'),
    who: index,
    other: index,
    older: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, fc.nat(1)),
    place,
  })
  .map(({ place, ...rest }) => ({ ...rest, ...place }))

/** One side: a device, and programs for it. */
interface Side {
  readonly device: PacketDevice
  readonly programs: readonly TcProgram[]
}

/** What each step comes to: an errno, or the revision that it left. */
function play({ device, programs: ours }: Side, steps: readonly Step[]): unknown[] {
  const links: TcxLink[] = []
  let revision = 1
  const outcomes = steps.map(({ act, who, other, before, after, older }) => {
    try {
      const link = links.find(({ closed, program: its }) => !closed && its === ours[who])
      if (act === 'attach') {
        const options = {
          direction: 'ingress',
          ...(before === undefined ? {} : { before: before === 'first' ? before : ours[before]! }),
          ...(after === undefined ? {} : { after: after === 'last' ? after : ours[after]! }),
          ...(older === undefined ? {} : { expectedRevision: revision + older }),
        } as const
        links.push(attachTcx(ours[who]!, device, options))
      } else if (act === 'update') link?.update(ours[other]!)
      else link?.close()
    } catch (error) {
      return (error as { errno?: string }).errno ?? String(error)
    }
    revision = links.find(({ closed }) => !closed)?.revision ?? 1
    return revision
  })
  for (const link of links) link.close()
  return outcomes
}

describe.skipIf(missing || noNamespaces !== undefined)('tcx on a veth of the kernel', () => {
  let namespaces: Namespaces
  let runtimes: readonly Runtime[]
  const sides: Side[] = []
  beforeAll(async () => {
    namespaces = makeNamespaces('tcx')
    namespaces.ip('tcx', 'link add v0 type veth peer name v1', 'link set v0 up', 'link set v1 up')
    runtimes = [await createRuntime({ engine: kernel() }), await createRuntime()]
    const devices = [await networkInterface('v0', { namespace: namespaces.of('tcx') }), createDevicePair()[0]]
    for (const [n, runtime] of runtimes.entries()) {
      const loaded = await runtime.load(spec(programs))
      sides.push({ device: devices[n]!, programs: names.map((name) => loaded.program(name, 'sched_cls')) })
    }
  })
  afterAll(() => {
    for (const runtime of runtimes) runtime.close()
    namespaces[Symbol.dispose]()
  })

  it('takes, refuses and counts the same', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 24 }), (steps) => {
        expect(play(sides[1]!, steps)).toEqual(play(sides[0]!, steps))
      }),
      { numRuns: Number(process.env['SKEP_RUNS'] ?? 8) },
    )
    expect(tcxQuery(sides[1]!.device, 'ingress')).toEqual({ programs: [], revision: 1 })
  })
})
