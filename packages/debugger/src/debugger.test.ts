import { readFileSync } from 'node:fs'
import { createRuntime, parseElf } from '@skep/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import { createDebugger, type Debugger, type DebuggerInput } from './index.ts'

const object = (name: string): Uint8Array => readFileSync(new URL(`../testdata/${name}.o`, import.meta.url))
const source = readFileSync(new URL('../testdata/steps.bpf.c', import.meta.url), 'utf8').split('\n')
const lineOf = (text: string): number => source.findIndex((line) => line.includes(text)) + 1
const frame = Uint8Array.from({ length: 60 }, (_, n) => n + 3)
const key = Uint8Array.of(7, 0, 0, 0)

const open: { close(): void }[] = []
afterEach(() => {
  for (const handle of open.splice(0).reverse()) handle.close()
})

async function debug(input: Partial<DebuggerInput> = {}) {
  const runtime = await createRuntime({ engine: 'interpreter', seed: 1n })
  const collection = await runtime.load(parseElf(object(input.program === 'longer' ? 'long' : 'steps')))
  const session = createDebugger(collection, { program: 'first', data: frame, ...input })
  open.push(runtime, session)
  return { runtime, collection, session }
}

const where = ({ place }: Debugger): string => `${place.function}:${place.source?.line}`

describe('forward', () => {
  it('begins before the first instruction, and ends as a run does', async () => {
    const { collection, session } = await debug()
    expect([session.position, session.state, session.place]).toMatchObject([
      0,
      'stopped',
      { program: 'first', pc: 0, function: 'first' },
    ])
    expect(session.result()).toBeUndefined()
    expect(session.continue()).toEqual({ reason: 'exited', ids: [] })
    expect(session.place.program).toBe('second')
    const other = await debug()
    expect(session.result()).toEqual(other.collection.program('first').testRun({ data: frame }))
    expect(collection.maps.get('events')!.lookup(key)).toEqual(
      other.collection.maps.get('events')!.lookup(key),
    )
  })

  it('goes by lines, into subprograms, over them and out of them', async () => {
    const { session } = await debug()
    const seen = new Set<string>()
    for (; session.state === 'stopped' && session.place.program === 'first'; session.stepLine())
      seen.add(session.place.function)
    expect([...seen]).toEqual(['first', 'rounds', 'mix'])
    session.seek(0)
    const over: string[] = []
    for (; session.place.program === 'first'; session.stepLineOver()) over.push(where(session))
    expect(new Set(over.map((at) => at.split(':')[0]))).toEqual(new Set(['first']))
    expect(over).toContain(`first:${lineOf('data[1] = 0xaa')}`)
    session.seek(0)
    session.addBreakpoint({ kind: 'function', name: 'mix' })
    expect([session.continue().reason, session.frames.map((one) => one.function)]).toEqual([
      'breakpoint',
      ['mix', 'rounds', 'first'],
    ])
    session.stepOut()
    expect([session.place.function, session.depth]).toEqual(['rounds', 1])
  })

  it('stops at lines, calls, functions and conditions, so often as it is told', async () => {
    const { session } = await debug()
    const line = session.addBreakpoint({ kind: 'line', file: 'steps.bpf.c', line: lineOf('data[1] = 0xaa') })
    const call = session.addBreakpoint({ kind: 'helper', name: 'bpf_map_lookup_elem' })
    const last = session.addBreakpoint(
      { kind: 'function', name: 'mix' },
      { condition: 'w2 == 3 && depth == 2' },
    )
    const third = session.addBreakpoint({ kind: 'function', name: 'mix' }, { ignore: 2 })
    const stops: (readonly number[])[] = []
    for (let stop = session.continue(); stop.reason === 'breakpoint'; stop = session.continue())
      stops.push(stop.ids)
    expect(stops).toEqual([
      [third.id],
      [last.id, third.id],
      [line.id],
      [call.id],
      ...[[third.id], [third.id]].slice(2),
    ])
    expect(session.breakpoints.map(({ hits }) => hits)).toEqual([1, 1, 1, 4])
    expect(session.remove(line.id)).toBe(true)
    expect(session.remove(line.id)).toBe(false)
  })

  it('stops behind what changes memory, registers and elements', async () => {
    const { session, collection } = await debug()
    const element = session.addWatchpoint({ kind: 'map', map: 'events', key })
    const stops: string[] = []
    for (let stop = session.continue(); stop.reason === 'watchpoint'; stop = session.continue()) {
      stops.push(`${where(session)} ${collection.maps.get('events')!.lookup(key)![0]}`)
      expect(stop.ids).toEqual([element.id])
    }
    expect(stops.map((stop) => stop.split(' ')[1])).toEqual(['1', '2'])
    session.seek(0)
    const packet = session.evaluate('u32(r1)')
    session.remove(element.id)
    session.addWatchpoint({ kind: 'memory', address: Number(packet) + 1, size: 1 })
    expect([session.continue().reason, session.packet[1]]).toEqual(['watchpoint', 0xaa])
    expect(session.evaluate('packet(0, 2)')).toBe(0x03aan)
  })
})

describe('backward', () => {
  /** What a person sees of a program that is stopped. */
  const look = (session: Debugger, collection: Awaited<ReturnType<typeof debug>>['collection']): string =>
    JSON.stringify([
      session.position,
      session.place.program,
      session.place.pc,
      session.depth,
      session.registers.map(String),
      Buffer.from(session.packet).toString('hex'),
      session.frames.map((_, n) => Buffer.from(session.stack(n)).toString('base64')),
      [...collection.maps.values()].flatMap((map) =>
        map.type === 'hash' ? [...(map as unknown as { entries(): Iterable<unknown> }).entries()] : [],
      ),
    ])

  it('every state comes back, whichever way', async () => {
    const { session, collection } = await debug()
    const states = [look(session, collection)]
    while (session.step().reason === 'step') states.push(look(session, collection))
    states.push(look(session, collection))
    const end = session.position
    expect(states).toHaveLength(end + 1)
    for (let n = end - 1; n >= 0; n--) {
      session.stepBack()
      expect(look(session, collection)).toBe(states[n])
    }
    expect(session.stepBack()).toEqual({ reason: 'beginning', ids: [] })
    for (const n of [17, 3, end, end - 1, 40, 0, end]) {
      session.seek(n)
      expect(look(session, collection)).toBe(states[n])
    }
    expect(session.state).toBe('exited')
  })

  it('the states of a hundred thousand instructions come back', async () => {
    const { session, runtime } = await debug({ program: 'longer' })
    // All of the arena but what belongs to no program: one number a state.
    const { arena } = runtime
    const mixed = (): number => {
      let sum = 0
      const { u32 } = arena
      for (const { framePointer } of session.frames)
        for (let at = (framePointer - 512) >> 2; at < framePointer >> 2; at++) sum = (sum * 31 + u32[at]!) | 0
      for (const value of session.registers) sum = (sum * 31 + Number(value & 0xffff_ffffn)) | 0
      return (sum * 31 + session.place.pc) | 0
    }
    const every = process.env['SKEP_DEBUGGER_ALL'] ? 1 : 997
    const sums = [mixed()]
    for (; session.step(every).reason === 'step'; ) sums.push(mixed())
    const end = session.position
    expect(end).toBeGreaterThan(100_000)
    sums.pop()
    session.seek((sums.length - 1) * every)
    for (; sums.length > 1; session.stepBack(every)) expect(mixed()).toBe(sums.pop())
    expect(mixed()).toBe(sums[0])
    expect(session.position).toBe(0)
    // Known steps are not made again: what comes is the same.
    session.continue()
    expect(session.position).toBe(end)
  })

  it('goes back to breakpoints, watched changes, lines and callers', async () => {
    const { session } = await debug()
    const mix = session.addBreakpoint({ kind: 'function', name: 'mix' })
    for (let n = 0; n < 4; n++) session.continue()
    const fourth = session.position
    expect(session.continueBack()).toEqual({ reason: 'breakpoint', ids: [mix.id] })
    expect(session.position).toBeLessThan(fourth)
    session.remove(mix.id)
    session.stepBackOut()
    expect(session.place.function).toBe('rounds')
    session.seek(0)
    const line = session.addBreakpoint({ kind: 'line', line: lineOf('data[1] = 0xaa') })
    session.continue()
    session.remove(line.id)
    session.stepLineOver()
    session.stepLineBack()
    expect(where(session)).toBe(`first:${lineOf('data[1] = 0xaa')}`)
  })

  it('forgets the oldest where there are too many, and says so', async () => {
    const runtime = await createRuntime({ engine: 'interpreter' })
    const collection = await runtime.load(parseElf(object('long')))
    const session = createDebugger(collection, { program: 'longer', data: frame }, { history: 1 << 16 })
    open.push(runtime, session)
    session.step(10_000)
    expect(session.stepBack(9_999)).toEqual({ reason: 'beginning', ids: [] })
    expect(session.position).toBeGreaterThan(0)
    session.step(10)
  })
})

describe('what cannot be done', () => {
  it('has a code, the fact and the mend', async () => {
    const { session } = await debug()
    const code = (run: () => unknown): unknown => {
      try {
        run()
      } catch (error) {
        return `${(error as { code: string }).code} ${(error as Error).message}`
      }
      return 'fine'
    }
    expect(code(() => session.addBreakpoint({ kind: 'line', line: 9999 }))).toMatch(/^NO_SUCH_PLACE no code/)
    expect(code(() => session.addBreakpoint({ kind: 'function', name: 'none' }))).toMatch(
      /it has first, .*mix/,
    )
    expect(code(() => session.addBreakpoint({ kind: 'insn', pc: 9999 }))).toMatch(/which has \d+ slots/)
    expect(code(() => session.addBreakpoint({ kind: 'helper', name: 'bpf_redirect' }))).toMatch(
      /calls bpf_redirect/,
    )
    expect(code(() => session.addWatchpoint({ kind: 'map', map: 'none', key }))).toMatch(
      /the collection has next, events, .bss/,
    )
    expect(code(() => session.evaluate('r11 == 1'))).toMatch(/^BAD_CONDITION r11 == 1: no value r11/)
    expect(code(() => session.evaluate('r1 ='))).toMatch(/^BAD_CONDITION/)
    expect(code(() => session.evaluate('constructor.constructor(1)'))).toMatch(/^BAD_CONDITION/)
    expect(code(() => session.memory(-1n, 4))).toMatch(/^NO_SUCH_PLACE no 4 bytes/)
    session.close()
    session.close()
    expect(code(() => session.step())).toMatch(/^CLOSED/)
  })

  it('says that only the interpreter can be stopped', async () => {
    const runtime = await createRuntime({ engine: 'jit' })
    open.push(runtime)
    const collection = await runtime.load(parseElf(object('steps')))
    expect(() => createDebugger(collection, { program: 'first', data: frame })).toThrow(
      "first does not run on the interpreter; load it with { engine: 'interpreter' }",
    )
  })
})
