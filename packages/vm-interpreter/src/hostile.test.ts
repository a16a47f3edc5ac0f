import { control } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { Bench, link, packetContext } from '../test/harness.ts'
import { type HostileWorld, hostileProgram } from '../test/random.ts'
import { InterpreterError } from './errors.ts'
import * as layout from './layout/structures.ts'

/** Ranges of the arena that a program may change. */
type Range = readonly [from: number, to: number]

/** Where two states of the arena differ, outside of the ranges. */
function changes(before: Uint8Array, after: Uint8Array, allowed: readonly Range[]): string[] {
  const masked = after.slice()
  for (const [from, to] of allowed) masked.set(before.subarray(from, to), from)
  if (Buffer.compare(masked, before) === 0) return []
  return [...masked.keys()].filter((at) => masked[at] !== before[at]).map((at) => `0x${at.toString(16)}`)
}

/** Where a program's code remembers which blocks have values of its maps. */
function seenValues({ arena }: Bench, code: number): Range {
  const [maps, count] = [layout.CODE_MAPS, layout.CODE_MAP_COUNT].map((at) =>
    arena.view.getUint32(code + at, true),
  )
  return [maps!, maps! + count! * layout.VALUES_SIZE]
}

/** The block in which the interpreter keeps activations. */
function interpreterState({ arena }: Bench): Range {
  const size = layout.ACT_SIZE * layout.MAX_ACTIVATIONS + layout.GRANT_SIZE * layout.MAX_GRANTS
  let at = 0x1_0000
  while (arena.sizeOf(at) !== size) at += 64
  return [at, at + size]
}

describe('hostile programs', () => {
  it.each([false, true])(
    'change nothing that is not theirs, and always end; shared memory: %s',
    async (shared) => {
      const bench = await Bench.create({ shared, checkedBudget: 2000n })
      const { arena } = bench
      const map = bench.arrayMap({ valueSize: 12, entries: 4, ops: ['lookup', 'update'] })
      const stranger = bench.arrayMap({ valueSize: 16, entries: 4 })
      const slots = bench.progArray()
      const secret = bench.place(256)
      const packet = Array.from({ length: 100 }, (_, n) => n)
      const context = bench.packet(packet)
      const data = arena.view.getUint32(context, true)
      const given = bench.place(32)
      const helpers = [
        bench.lookupHelper(),
        bench.helper(2, () => 0n, {
          args: [
            { kind: 'const_map_ptr' },
            { kind: 'map_key', access: 'read' },
            { kind: 'map_value', access: 'read' },
            { kind: 'anything' },
          ],
          mapOp: 'update',
        }),
        // Fills what it is given, as helpers do that trust the verifier.
        bench.helper(
          4,
          (to, size) => {
            arena.u8.fill(0xee, Number(to), Number(to! + size!))
            return 0n
          },
          { args: [{ kind: 'mem', access: 'write' }, { kind: 'const_size' }] },
        ),
        bench.helper(5, () => BigInt(given), { returns: { kind: 'mem', size: 24 } }),
        bench.helper(6, () => 0xffffffffn),
        bench.loopHelper(),
        bench.tailCallHelper(),
      ]
      const options = { checked: true, helpers, maps: [map, slots], context: packetContext }
      const target = await bench.load(
        'r0 = *(u32 *)(r1 + 0)\nr1 = *(u8 *)(r0 + 5)\n*(u8 *)(r0 + 5) = r1\nexit',
        options,
      )
      slots.set(1, target)
      const { code } = await bench.load('exit', options)
      const top = bench.ctl(control.CTL_SP)
      const world: HostileWorld = {
        addresses: [
          bench.cpu.control,
          top,
          top - 8,
          top - 512,
          bench.ctl(control.CTL_STACK_END),
          map.address,
          map.data,
          map.data + 44,
          stranger.address,
          stranger.data,
          slots.address,
          slots.data,
          secret,
          context,
          context + 12,
          data,
          data + 96,
          given,
          code,
          0,
          0x1_0000,
          arena.u8.length - 4,
          1,
          5,
        ],
        maps: [map.address, map.address, slots.address],
        values: [map.data, map.data + 16],
        helpers: [
          { id: 1, args: ['map', 'pointer'] },
          { id: 2, args: ['map', 'pointer', 'pointer', 'number'] },
          { id: 4, args: ['pointer', 'size'] },
          { id: 5, args: [] },
          { id: 6, args: [] },
          { id: 181, args: ['number', 'callback', 'pointer'] },
          { id: 12, args: ['context', 'map', 'number'] },
          { id: 99, args: ['number'] },
        ],
      }
      const allowed: Range[] = [
        [bench.ctl(control.CTL_STACK_END), top],
        [context + 12, context + 16],
        [data, data + packet.length],
        [given, given + 24],
        ...[0, 1, 2, 3].map((n): Range => [map.data + n * 16, map.data + n * 16 + 12]),
        interpreterState(bench),
        // Results, and what helpers leave behind: the fault, r0, the high half of a result.
        [bench.cpu.control + control.CTL_R0, bench.cpu.control + control.CTL_TAIL_CALLS],
        [bench.cpu.control + control.CTL_RET_HI, bench.cpu.control + control.CTL_RET_HI + 4],
      ]

      const outcomes = new Map<string, number>()
      for (let seed = 1; seed <= 4000; seed++) {
        const program = link(hostileProgram(seed, world), options)
        let outcome: string
        try {
          const unit = await bench.engine.compile([program])
          const before = arena.u8.slice()
          const result = bench.run(unit.programs[0]!, context)
          outcome = typeof result === 'bigint' ? 'exit' : `fault ${result.code}`
          const own = [unit.programs[0]!.code, target.code].map((one) => seenValues(bench, one))
          expect(changes(before, arena.u8, [...allowed, ...own]), `seed ${seed}`).toEqual([])
          expect([bench.ctl(control.CTL_SP), bench.ctl(control.CTL_CTX)]).toEqual([top, 0])
          unit.release()
        } catch (error) {
          if (!(error instanceof InterpreterError)) throw error
          outcome = error.code
          outcomes.set(
            error.message.replace(/\d+/g, 'N'),
            (outcomes.get(error.message.replace(/\d+/g, 'N')) ?? 0) + 1,
          )
        }
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      }
      // All kinds of ends came up.
      for (const end of ['exit', 'BAD_PROGRAM', ...[1, 2, 3, 4].map((code) => `fault ${code}`)])
        expect(outcomes.get(end) ?? 0, end).toBeGreaterThan(0)
    },
  )
})
