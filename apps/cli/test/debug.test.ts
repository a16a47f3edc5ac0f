import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import { DebugClient } from '@vscode/debugadapter-testsupport'
import type { DebugProtocol as Dap } from '@vscode/debugprotocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LaunchArguments, SkepDebugSession } from '../src/debug/dap-session.ts'

// Editors, as the public client of the Debug Adapter Protocol plays one.

const path = (name: string): string =>
  fileURLToPath(new URL(`../../../packages/debugger/testdata/${name}`, import.meta.url))
const bin = fileURLToPath(new URL('../bin/skep.cjs', import.meta.url))
const source = { path: path('steps.bpf.c') }
const data = Buffer.alloc(60, 3).toString('hex')

let server: Server
let client: DebugClient

beforeEach(async () => {
  server = createServer((socket) => {
    const session = new SkepDebugSession()
    session.setRunAsServer(true)
    session.start(socket, socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  client = new DebugClient('', '', 'skep')
  await client.start((server.address() as AddressInfo).port)
})
afterEach(async () => {
  await client.disconnectRequest().catch(() => {})
  await client.stop()
  server.close()
})

/** The event of a stop that a request leads to. */
async function stopOf(request: Promise<unknown>): Promise<Dap.StoppedEvent['body']> {
  const [stop] = await Promise.all([client.waitForEvent('stopped'), request])
  return stop.body
}

async function launch(
  args: Partial<LaunchArguments> = {},
  configure: () => Promise<unknown> = async () => {},
): Promise<Dap.StoppedEvent['body']> {
  await client.initializeRequest()
  const launched = { program: path('steps.o'), name: 'first', data, ...args } as LaunchArguments
  await Promise.all([client.waitForEvent('initialized'), client.launchRequest(launched)])
  await configure()
  return stopOf(client.configurationDoneRequest())
}

const top = async (): Promise<Dap.StackFrame> =>
  (await client.stackTraceRequest({ threadId: 1 })).body.stackFrames[0]!

async function scope(name: string): Promise<Record<string, Dap.Variable>> {
  const { scopes } = (await client.scopesRequest({ frameId: 0 })).body
  const { variablesReference } = scopes.find((one) => one.name === name)!
  const { variables } = (await client.variablesRequest({ variablesReference })).body
  return Object.fromEntries(variables.map((one) => [one.name, one]))
}

describe('skep debug --dap', () => {
  it('stops at entry, and shows frames, registers, maps, the packet and instructions', async () => {
    expect(await launch()).toMatchObject({ reason: 'entry', threadId: 1 })
    expect(await top()).toMatchObject({ name: 'first', source: { path: source.path } })
    const { r1, r10 } = await scope('Registers')
    expect(Number(r10!.value)).toBeGreaterThan(0)
    expect((await client.evaluateRequest({ expression: 'u32(r1 + 4) - u32(r1)' })).body.result).toBe('0x3c')
    expect((await scope('Maps'))['events']!.value).toMatch(/^hash/)
    expect((await scope('Packet'))['ethernet']).toBeDefined()
    const memory = (await client.send('readMemory', {
      memoryReference: r1!.value,
      count: 8,
    })) as Dap.ReadMemoryResponse
    expect(Buffer.from(memory.body!.data!, 'base64')).toHaveLength(8)
    const { instructionPointerReference } = await top()
    const disassembly = await client.disassembleRequest({
      memoryReference: instructionPointerReference!,
      instructionOffset: -1,
      instructionCount: 3,
    })
    expect(disassembly.body!.instructions.map(({ address }) => address.split(':')[0])).toEqual([
      '-1',
      'first',
      'first',
    ])
  })

  it('stops at lines, functions, calls and conditions, through subprograms and tail calls', async () => {
    let set: Dap.Breakpoint[] = []
    const stop = await launch({ stopOnEntry: false }, async () => {
      const lines = await client.setBreakpointsRequest({
        source,
        breakpoints: [{ line: 55 }, { line: 9999 }],
      })
      const functions = await client.setFunctionBreakpointsRequest({
        breakpoints: [{ name: 'mix', condition: 'w2 == 3' }, { name: 'bpf_map_lookup_elem' }],
      })
      set = [...lines.body.breakpoints, ...functions.body.breakpoints]
    })
    expect(set.map(({ verified }) => verified)).toEqual([true, false, true, true])
    expect(set[1]!.message).toMatch(/no code of first/)
    expect(stop).toMatchObject({ reason: 'breakpoint', hitBreakpointIds: [set[2]!.id] })
    const { stackFrames } = (await client.stackTraceRequest({ threadId: 1 })).body
    expect(stackFrames.map(({ name }) => name)).toEqual(['mix', 'rounds', 'first'])
    expect(await stopOf(client.continueRequest({ threadId: 1 }))).toMatchObject({
      hitBreakpointIds: [set[0]!.id],
    })
    expect((await top()).line).toBe(set[0]!.line)
    await stopOf(client.continueRequest({ threadId: 1 }))
    expect((await top()).name).toBe('second')
    const returned = client.waitForEvent('output')
    expect(await stopOf(client.continueRequest({ threadId: 1 }))).toMatchObject({ reason: 'exit' })
    expect((await returned).body.output).toMatch(/^first returned [23]\n$/)
  })

  it('steps by lines and instructions, in, over, out and backward', async () => {
    await launch()
    const lines: number[] = []
    for (let n = 0; n < 5; n++) {
      lines.push((await top()).line)
      await stopOf(client.nextRequest({ threadId: 1 }))
    }
    for (let n = 0; n < 3; n++) await stopOf(client.send('stepBack', { threadId: 1 }) as Promise<unknown>)
    expect(lines).toContain((await top()).line)
    const before = (await scope('Registers'))['position']!.value
    await stopOf(client.stepInRequest({ threadId: 1, granularity: 'instruction' }))
    expect((await scope('Registers'))['position']!.value).toBe(`${Number(before) + 1}`)
    expect(await stopOf(client.send('reverseContinue', { threadId: 1 }))).toMatchObject({ reason: 'entry' })
    expect((await scope('Registers'))['position']!.value).toBe('0')
    await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'mix' }] })
    await stopOf(client.continueRequest({ threadId: 1 }))
    await stopOf(client.stepOutRequest({ threadId: 1 }))
    expect((await top()).name).toBe('rounds')
  })

  it('sets registers, and says what it cannot do', async () => {
    await launch()
    await client.setVariableRequest({ variablesReference: 1, name: 'r3', value: '0x2a' })
    expect((await client.evaluateRequest({ expression: 'r3 == 42' })).body.result).toBe('0x1')
    const refused = (request: Promise<unknown>): Promise<string> =>
      request.then(
        () => 'answered',
        (error: Error) => error.message,
      )
    expect(await refused(client.evaluateRequest({ expression: 'r99' }))).toMatch(
      /no value r99.*BAD_CONDITION/,
    )
    expect(await refused(client.launchRequest({ program: '/nowhere.o' } as LaunchArguments))).toMatch(
      /ENOENT/,
    )
    expect(
      await refused(client.launchRequest({ program: path('steps.o'), name: 'none' } as LaunchArguments)),
    ).toMatch(/no program "none"; the collection has/)
  })

  it('a pause stops what takes long', async () => {
    await launch({ program: path('long.o'), name: 'longer' })
    const stop = stopOf(client.continueRequest({ threadId: 1 }))
    await client.pauseRequest({ threadId: 1 })
    expect(['pause', 'exit']).toContain((await stop).reason)
  })

  it('speaks on standard input and output', async () => {
    const child = spawn(process.execPath, [bin, 'debug', '--dap'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const request = JSON.stringify({
      seq: 1,
      type: 'request',
      command: 'initialize',
      arguments: { adapterID: 'skep', pathFormat: 'path' },
    })
    child.stdin.write(`Content-Length: ${request.length}\r\n\r\n${request}`)
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
    expect(chunk.toString()).toMatch(/^Content-Length: \d+\r\n\r\n.*"supportsStepBack":true/)
    child.kill()
    await once(child, 'exit')
  })
})
