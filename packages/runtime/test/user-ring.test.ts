import { readFileSync } from 'node:fs'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { type HostMap, MapError, openUserRingBuffer } from '@skep/maps'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRuntime, parseElf, ringLayout as ring } from '../src/index.ts'
import { engines } from './hostile-tools.ts'

// Records from the host to a program that drains them: the same sequence here, on both engines, and in the kernel.

const RUNS = Number(process.env['SKEP_RUNS'] ?? 40)
const spec = parseElf(readFileSync(new URL('../testdata/user_ring.o', import.meta.url)))
const packet = new Uint8Array(64)
const SIZE = 4096
const available = await isKernelAvailable()

type Step =
  | { readonly op: 'reserve'; readonly size: number }
  | { readonly op: 'write'; readonly size: number; readonly count: number }
  | { readonly op: 'submit' | 'discard'; readonly nth: number }
  | { readonly op: 'drain'; readonly flags: number; readonly stopAt: number }

const size = fc.oneof(fc.nat(40), fc.constantFrom(0, 7, 8, 500, 2000, 4080, 4088, 4089))
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ op: fc.constant('reserve' as const), size }) },
    {
      weight: 2,
      arbitrary: fc.record({ op: fc.constant('write' as const), size, count: fc.constantFrom(1, 1, 2, 5) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        op: fc.constantFrom('submit' as const, 'submit' as const, 'discard' as const),
        nth: fc.nat(3),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        op: fc.constant('drain' as const),
        flags: fc.constantFrom(0, 0, 0, 1, 2, 3, 4),
        stopAt: fc.constantFrom(0, 0, 0, 1, 2, 3),
      }),
    },
  ),
  { maxLength: 30 },
)

/** A ring and a program on it; records are known by the order of their reservation. */
interface Side {
  reserve(size: number, mark: number): boolean
  /** So many at once, as far as there is room. */
  write(size: number, count: number, mark: number): number
  end(record: number, discard: boolean): void
  /** The program's globals after it has run on these. */
  drain(globals: Uint8Array): Uint8Array
}

const bss = spec.maps.find((m) => m.name.endsWith('.bss'))!
const at = (name: string): number => spec.variables.find((v) => v.name === name)!.offset

function results(side: Side, given: readonly Step[]): unknown[] {
  let reserved = 0
  const open: number[] = []
  return given.map((step, n) => {
    switch (step.op) {
      case 'reserve': {
        const room = side.reserve(step.size, reserved + 1)
        if (room) open.push(reserved++)
        return room
      }
      case 'write':
        return side.write(step.size, step.count, 0x80 + (n & 31))
      case 'drain': {
        const globals = new Uint8Array(bss.valueSize)
        const view = new DataView(globals.buffer)
        view.setBigUint64(at('flags'), BigInt(step.flags), true)
        view.setBigUint64(at('stop_at'), BigInt(step.stopAt), true)
        return Buffer.from(side.drain(globals)).toString('hex')
      }
      default: {
        const [record] = open.splice(step.nth % Math.max(open.length, 1), 1)
        if (record !== undefined) side.end(record, step.op === 'discard')
        return record
      }
    }
  })
}

const zero = new Uint8Array(4)
const mark = (n: number, size: number): Uint8Array => new Uint8Array(size).fill(n)

describe.each(engines)('a user ring buffer on %s', (engine) => {
  it.skipIf(!available.ok)('gives a program what the kernel gives it', async () => {
    const kernel = await openKernel()
    using runtime = await createRuntime({ engine })
    const reference = loadCollection(kernel, spec)
    const theirs = reference.programs.get('drain')!
    if (!theirs.ok) throw new Error(theirs.log)
    const here = await runtime.load(spec)
    const program = here.program('drain', 'xdp')
    const ours = openUserRingBuffer(here.map('requests'))
    const { maps } = reference
    using producer = maps.get('requests')!.mapPages(SIZE * 3, SIZE)
    using consumer = maps.get('requests')!.mapPages(SIZE, 0, false)
    const words = new DataView(producer.bytes.buffer)
    const read = new DataView(consumer.bytes.buffer)

    fc.assert(
      fc.property(steps, (given) => {
        const held: ReturnType<typeof ours.reserve>[] = []
        const mine: Side = {
          reserve: (size, n) => {
            try {
              const record = ours.reserve(size)
              record.bytes.fill(n)
              held.push(record)
              return true
            } catch (error) {
              expect(error).toBeInstanceOf(MapError)
              return false
            }
          },
          write: (size, count, n) => {
            try {
              if (count > 1) {
                return ours.writeMany(size, count, (memory, at, i) => {
                  for (let byte = 0; byte < size; byte++) memory.setUint8(at + byte, n + i)
                })
              }
              ours.write(mark(n, size))
              return 1
            } catch (error) {
              expect(error).toBeInstanceOf(MapError)
              return 0
            }
          },
          end: (n, discard) => (discard ? held[n]!.discard() : held[n]!.submit()),
          drain: (globals) => {
            here.map(bss.name).update(zero, globals)
            program.testRun({ data: packet })
            return here.map(bss.name).lookup(zero)!
          },
        }
        // As libbpf's user_ring_buffer.
        const headers: { at: number; size: number }[] = []
        const put = (size: number, n: number, bits: number): number => {
          const length = (size + 15) & ~7
          const position = words.getBigUint64(0, true)
          if (length > SIZE - Number(position - read.getBigUint64(0, true))) return -1
          const header = SIZE + Number(position % BigInt(SIZE))
          words.setUint32(header, (size | bits) >>> 0, true)
          producer.bytes.set(mark(n, size), header + 8)
          words.setBigUint64(0, position + BigInt(length), true)
          return header
        }
        const its: Side = {
          reserve: (size, n) => {
            const header = put(size, n, ring.RECORD_BUSY)
            if (header >= 0) headers.push({ at: header, size })
            return header >= 0
          },
          write: (size, count, n) => {
            let written = 0
            while (written < count && put(size, n + written, 0) >= 0) written++
            return written
          },
          end: (n, discard) => {
            const { at: header, size } = headers[n]!
            words.setUint32(header, (discard ? size | ring.RECORD_DISCARDED : size) >>> 0, true)
          },
          drain: (globals) => {
            maps.get(bss.name)!.update(zero, globals)
            theirs.testRun({ dataIn: packet })
            return maps.get(bss.name)!.lookup(zero)!
          },
        }
        // All is taken in the end.
        const whole: Step[] = [
          ...given,
          ...given.map(() => ({ op: 'discard' as const, nth: 0 })),
          { op: 'drain', flags: 0, stopAt: 0 },
        ]
        expect(results(mine, whole)).toEqual(results(its, whole))
        expect(ours.pending).toBe(0)
      }),
      { numRuns: RUNS },
    )
    kernel.close()
  })

  it('waits for room until a program drains', async () => {
    using runtime = await createRuntime({ engine })
    const collection = await runtime.load(spec)
    const ours = openUserRingBuffer(collection.map('requests') as HostMap)
    ours.write(new Uint8Array(SIZE - 8))
    expect(() => ours.write(new Uint8Array(1))).toThrow(
      /ENOSPC: a record of 1 bytes needs 16, and 0 are free/,
    )
    expect(() => ours.reserve(SIZE)).toThrow(/E2BIG/)
    let sent = false
    const sending = ours.send(Uint8Array.of(7)).then(() => (sent = true))
    await Promise.resolve()
    expect(sent).toBe(false)
    collection.program('drain', 'xdp').testRun({ data: packet })
    await sending
    expect(ours.pending).toBe(16)

    const fill = (): never => {
      expect(() => ours.write(new Uint8Array(1))).toThrow(/EBUSY/)
      throw new Error('mine')
    }
    collection.program('drain', 'xdp').testRun({ data: packet })
    expect(() => ours.writeMany(8, 2, fill)).toThrow('mine')
    expect([ours.pending, ours.writeMany(8, 2, () => {}), ours.pending]).toEqual([0, 2, 32])
    const again = ours.send(new Uint8Array(SIZE - 8))
    ours.close()
    await expect(again).rejects.toMatchObject({ code: 'EBADF' })
    const record = openUserRingBuffer(collection.map('requests')).reserve(3)
    record.discard()
    expect(() => record.submit()).toThrow(/EINVAL/)
  })
})
