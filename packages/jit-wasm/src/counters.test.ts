import { arg, control, type LinkedArray, type LinkedMap, mapLayout, ret } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { bigHelper, createCpu, type LinkOptions, link, place, type TestCpu } from '../test/harness.ts'
import { findCounters } from './counters.ts'
import { jit } from './engine.ts'
import { analyseProgram } from './functions.ts'
import { compileModule } from './module.ts'
import { promoteSlots } from './stack-slots.ts'

const ENTRIES = 6
const CONTEXTS = 17_000

interface World {
  readonly cpu: TestCpu
  readonly map: LinkedMap
  readonly data: number
  readonly sums: number
  readonly bytes: number
}

/** An array that all begin with the same bytes in, with sums or without. */
function world(withSums: boolean, stride = 24): World {
  const cpu = createCpu({ shared: true, limit: 16 << 20 })
  const address = place(cpu.arena, mapLayout.MAP_HEADER_SIZE)
  const data = cpu.arena.alloc(ENTRIES * stride, 64)
  const sums = cpu.arena.alloc(2 * 512, 128)
  cpu.setCtl(control.CTL_CPU, 1)
  for (let n = 0; n < ENTRIES * stride; n++) cpu.arena.u8[data + n] = 0xf0 + n * 7
  const array: LinkedArray = { data, stride, maxEntries: ENTRIES }
  const counted = withSums ? { ...array, sums: { address: sums, stride: 512 } } : array
  return { cpu, bytes: ENTRIES * stride, map: { name: 'm', address, ops: {}, array: counted }, data, sums }
}

/** A context is the u32 key (now and then past the end), and a u32 that programs add. */
function contextsOf({ cpu }: World, count: number): number {
  const list = place(cpu.arena, 4 * count)
  const contexts = place(cpu.arena, 8 * count)
  const { u32 } = cpu.arena
  for (let n = 0; n < count; n++) {
    const at = contexts + 8 * n
    u32[at >> 2] = (n * 7 + (n >> 5)) % (ENTRIES + 1)
    u32[(at >> 2) + 1] = n * 2654435761
    u32[(list >> 2) + n] = at
  }
  return list
}

const find = (address: string): string => `
  r6 = r1
  r7 = *(u32 *)(r1 + 0)
  *(u32 *)(r10 - 4) = r7
  r7 = *(u32 *)(r6 + 4)
  r2 = r10
  r2 += -4
  r1 = ${address} ll
  call 1
  if r0 == 0 goto out`

/** Slot of `call 1` in `find`. */
const CALL = 8

const program = (body: string): string => `${find('0')}
  ${body}
  r0 = 7
  exit
out:
  r0 = 3
  exit`

function linked({ cpu, map }: World, text: string, more: LinkOptions = {}): ReturnType<typeof link> {
  const lookup = bigHelper(cpu, 1, () => 0n, {
    args: [arg.map(), arg.mapKey()],
    returns: ret.mapValueOrNull(),
    mapOp: 'lookup',
  })
  const ktime = bigHelper(cpu, 5, () => 1n, { args: [] })
  const { array } = map
  return link(text, {
    maps: [map],
    helpers: [lookup, ktime],
    callMaps: { [CALL]: 0 },
    symbols: { DATA: array!.data },
    ...more,
  })
}

const bytesOf = ({ cpu, data, bytes }: World): Uint8Array => cpu.arena.u8.slice(data, data + bytes)

const counted: Readonly<Record<string, string>> = {
  'a plain addition': 'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1',
  'one of 32 bits': 'r1 = *(u32 *)(r0 + 4)\n r1 += 1\n *(u32 *)(r0 + 4) = r1',
  'one of 32 bits in 32': 'r1 = *(u32 *)(r0 + 4)\n w1 += -5\n *(u32 *)(r0 + 4) = r1',
  'an amount': 'r1 = *(u64 *)(r0 + 8)\n r1 += r7\n *(u64 *)(r0 + 8) = r1',
  'an amount, the other way round': 'r1 = *(u64 *)(r0 + 8)\n r7 += r1\n *(u64 *)(r0 + 8) = r7',
  'a 64-bit amount': 'r7 <<= 31\n r1 = *(u64 *)(r0 + 8)\n r1 += r7\n *(u64 *)(r0 + 8) = r1',
  'a negative constant': 'r1 = *(u64 *)(r0 + 16)\n r1 += -3\n *(u64 *)(r0 + 16) = r1',
  'atomic additions':
    'r1 = 3\n lock *(u64 *)(r0 + 0) += r1\n lock *(u32 *)(r0 + 8) += r7\n lock *(u64 *)(r0 + 16) += r7',
  'two fields':
    'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1\n r2 = *(u64 *)(r0 + 8)\n r2 += r7\n *(u64 *)(r0 + 8) = r2',
  'two at once':
    'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1\n r1 = *(u64 *)(r0 + 0)\n r1 += 2\n *(u64 *)(r0 + 0) = r1',
  'a pointer that was copied and moved':
    'r8 = r0\n r8 += 24\n r8 += -16\n r1 = *(u64 *)(r8 + 0)\n r1 += 1\n *(u64 *)(r8 + 0) = r1\n r2 = *(u64 *)(r0 + 16)\n r2 += 1\n *(u64 *)(r0 + 16) = r2',
  'a pointer in a stack slot that is a register':
    '*(u64 *)(r10 - 16) = r0\n r8 = *(u64 *)(r10 - 16)\n r1 = *(u64 *)(r8 + 0)\n r1 += 1\n *(u64 *)(r8 + 0) = r1',
  'a negative offset': 'r0 += 16\n r1 = *(u64 *)(r0 - 8)\n r1 += 1\n *(u64 *)(r0 - 8) = r1',
  'an addition on one way only':
    'if r7 > 0x7fffffff goto +3\n r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1',
  'a value whose address is a constant':
    'r8 = DATA ll\n r1 = *(u64 *)(r8 + 8)\n r1 += 1\n *(u64 *)(r8 + 8) = r1\n r1 = *(u64 *)(r0 + 8)\n r1 += 1\n *(u64 *)(r0 + 8) = r1',
}

const seen: Readonly<Record<string, string>> = {
  'it is looked at': 'r1 = *(u64 *)(r0 + 0)\n if r1 > 9 goto out\n r1 += 1\n *(u64 *)(r0 + 0) = r1',
  'the sum is looked at': 'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1\n if r1 > 9 goto out',
  'it is looked at elsewhere':
    'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1\n r1 = *(u64 *)(r0 + 8)\n if r1 > r7 goto out',
  'it is written': 'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1\n *(u64 *)(r0 + 8) = r7',
  'a constant is written': 'lock *(u64 *)(r0 + 8) += r7\n *(u64 *)(r0 + 8) = 5',
  'the old value is wanted': 'r1 = 1\n r1 = atomic_fetch_add((u64 *)(r0 + 0), r1)',
  'something else is done': 'r1 = *(u64 *)(r0 + 0)\n r1 ^= 1\n *(u64 *)(r0 + 0) = r1',
  'something else is done in one step': 'r1 = 1\n lock *(u64 *)(r0 + 0) ^= r1',
  'it goes to another place': 'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 8) = r1',
  'widths differ': 'r1 = *(u32 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1',
  'a sum is cut': 'r1 = *(u64 *)(r0 + 0)\n w1 += 1\n *(u64 *)(r0 + 0) = r1',
  'fields overlap':
    'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1\n r2 = *(u32 *)(r0 + 4)\n r2 += 1\n *(u32 *)(r0 + 4) = r2',
  'bytes are added': 'r1 = *(u8 *)(r0 + 0)\n r1 += 1\n *(u8 *)(r0 + 0) = r1',
  'two additions cross':
    'r1 = *(u64 *)(r0 + 0)\n r2 = *(u64 *)(r0 + 0)\n r1 += 1\n r2 += 1\n *(u64 *)(r0 + 0) = r1\n *(u64 *)(r0 + 0) = r2',
  'another step comes between':
    'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n lock *(u64 *)(r0 + 0) += r7\n *(u64 *)(r0 + 0) = r1',
  'it is doubled': 'r1 = *(u64 *)(r0 + 0)\n r1 += r1\n *(u64 *)(r0 + 0) = r1',
  'the pointer moves': 'r1 = *(u64 *)(r0 + 0)\n r0 += 8\n r1 += 1\n *(u64 *)(r0 + 0) = r1',
  'the pointer moves by what it is not known':
    'r7 &= 8\n r0 += r7\n r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1',
  'the pointer is kept':
    '*(u64 *)(r10 - 16) = r0\n r8 = *(u32 *)(r10 - 16)\n r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1',
  'the pointer is kept in memory':
    '*(u64 *)(r0 + 16) = r0\n r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1',
  'the pointer is one of two':
    'r8 = r0\n if r7 > 9 goto +1\n r8 = r6\n r1 = *(u64 *)(r8 + 0)\n r1 += 1\n *(u64 *)(r8 + 0) = r1',
  'a helper is called': 'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1\n call 5',
  'memory is ordered':
    'r1 = *(u64 *)(r0 + 0)\n r1 += 1\n *(u64 *)(r0 + 0) = r1\n r1 = 1\n r1 = xchg_64(r10 - 16, r1)',
}

/** The array and the results after some batches. */
async function runBatches(text: string, world: World): Promise<Buffer> {
  const engine = await jit.create(world.cpu)
  const { programs } = await engine.compile([linked(world, program(text))])
  const list = contextsOf(world, CONTEXTS)
  const results = place(world.cpu.arena, 4 * CONTEXTS)
  // The first batch is too short to add up, and the last one ends in the middle of a chunk.
  let done = 0
  for (const count of [5, 64, CONTEXTS - 69]) {
    expect(programs[0]!.runBatch(list + 4 * done, count, results + 4 * done)).toBe(count)
    done += count
  }
  const bytes = bytesOf(world)
  const sums = world.cpu.arena.u8.slice(world.sums, world.sums + 1024)
  expect(sums.some((byte) => byte !== 0)).toBe(false)
  return Buffer.concat([bytes, world.cpu.arena.u8.slice(results, results + 4 * CONTEXTS)])
}

const finds = (text: string): boolean => {
  const prepared = promoteSlots(linked(world(true), program(text)), true)
  return findCounters(analyseProgram(prepared, true).get(0)!) !== undefined
}

describe('what a program only adds to', () => {
  it.each(Object.entries(counted))('is added up in a batch: %s', async (_, text) => {
    expect(finds(text)).toBe(true)
    expect((await runBatches(text, world(true))).equals(await runBatches(text, world(false)))).toBe(true)
  })

  it.each([8, 16, 64])('is added up with elements of %i bytes', async (stride) => {
    const text = counted['a plain addition']!
    const found = await runBatches(text, world(true, stride))
    expect(found.equals(await runBatches(text, world(false, stride)))).toBe(true)
  })

  it.each(Object.entries(seen))('is not when %s', (_, text) => {
    expect(finds(text)).toBe(false)
  })

  it('is in the values when a batch stops', async () => {
    const here = world(true)
    const engine = await jit.create(here.cpu)
    const { programs } = await engine.compile([linked(here, program(counted['a plain addition']!))])
    const list = contextsOf(here, 1000)
    here.cpu.arena.u32[(list >> 2) + 700] = 0xffff_fff0
    const before = here.cpu.arena.view.getBigUint64(here.data, true)
    const results = place(here.cpu.arena, 4000)
    // A program that calls nothing does not tell how far it came.
    expect(programs[0]!.runBatch(list, 1000, results)).toBe(0)
    expect(here.cpu.ctl(control.CTL_FAULT)).toBe(control.FAULT_ACCESS)
    const mine = Array.from({ length: 700 }, (_, n) => (n * 7 + (n >> 5)) % (ENTRIES + 1) === 0)
    const after = here.cpu.arena.view.getBigUint64(here.data, true)
    expect(after - before).toBe(BigInt(mine.filter(Boolean).length))
  })

  it('is added at once in memory of one thread, and by single runs', () => {
    const here = world(true)
    const text = program(counted['a plain addition']!)
    const { programs } = compileModule([linked(here, text)], { shared: false })
    expect(programs[0]!.settle).toBeUndefined()
  })
})
