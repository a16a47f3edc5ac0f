import { createRuntime as createDefault, type Program, parseElf, type Runtime } from '@skep/runtime'
import { createRuntime } from '@skep/runtime/core'
import { createVerifier } from '@skep/verifier'
import { afterEach, expect, it } from 'vitest'
import { attachHttp, HttpGate, http } from '../src/http-request.ts'
import { tenantPlugins } from '../src/platform.ts'
import { object } from './tenant-house.ts'

const open: Runtime[] = []
afterEach(() => {
  for (const runtime of open.splice(0)) runtime.close()
})

async function load(name: string): Promise<Program<'http_request'>> {
  const runtime = await createRuntime({ plugins: tenantPlugins(10_000n), verifier: createVerifier })
  open.push(runtime)
  const collection = await runtime.load(parseElf(object(name), { platform: runtime.platform }))
  return collection.program('release', 'http_request')
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const ask = (gate: HttpGate): [number, number] => gate.decide({ method: 1 }, bytes('/'), bytes(''))

it('lets the program that was attached last decide, and the one before it when that goes', async () => {
  const gate = new HttpGate()
  const [blue, green] = [await load('blue'), await load('green')]
  expect(ask(gate)).toEqual([0, 0])
  const first = attachHttp(blue, gate)
  const second = attachHttp(green, gate)
  expect(ask(gate)).toEqual([2, 2])
  first.close()
  expect(ask(gate)).toEqual([2, 2])
  second.close()
  expect(ask(gate)).toEqual([0, 0])
})

/** Times that it attaches and detaches; SKEP_LONG=1 for all that an afternoon has. */
const TIMES = process.env['SKEP_LONG'] ? 100_000 : 5000

it('is attached and detached without growth', async () => {
  const program = await load('blue')
  const gate = new HttpGate()
  attachHttp(program, gate).close()
  const { arena } = program.host
  const { used, count } = arena
  for (let n = 0; n < TIMES; n++) attachHttp(program, gate).close()
  expect([arena.used, arena.count]).toEqual([used, count])
  expect(gate.programs).toEqual([])
})

it('takes programs of its type alone', async () => {
  const runtime = await createDefault({ plugins: [http] })
  open.push(runtime)
  const spec = parseElf(object('hostile/wrong_type'))
  const program = (await runtime.load(spec)).program('wrong_type', 'xdp')
  // @ts-expect-error an XDP program
  expect(() => attachHttp(program, new HttpGate())).toThrow(
    expect.objectContaining({
      code: 'WRONG_PROGRAM_TYPE',
      message:
        'http: program wrong_type is of type xdp, not http_request; attach it with the hook of its type',
    }),
  )
})
