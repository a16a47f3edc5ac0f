import { readFileSync } from 'node:fs'
import { attachXdp } from '@skep/hook-xdp'
import { assemble, decode } from '@skep/isa'
import { createCollector, createDevicePair, ipv4, PacketBatch } from '@skep/packet'
import { describe, expect, it } from 'vitest'
import {
  arg,
  type CollectionSpec,
  codec,
  control,
  createRuntime,
  defineHelper,
  defineMapType,
  definePlugin,
  type GlobalValue,
  type MapSpec,
  parseElf,
  type Runtime,
  RuntimeError,
  ret,
  setGlobals,
  VerifierError,
} from './index.ts'

const testdata = new URL('../../../apps/cli/testdata/', import.meta.url)
const object = (name: string): CollectionSpec =>
  parseElf(new Uint8Array(readFileSync(new URL(name, testdata))))

/** One XDP program from text; every ld_imm64 with a map reads `r1 = map[name]` as `lddw r1, 0` listed in `maps`. */
function xdp(
  text: string,
  maps: readonly MapSpec[] = [],
  references: CollectionSpec['programs'][0]['references'] = [],
): CollectionSpec {
  const insns = assemble(text)
  for (const r of references) insns[r.insn * 8 + 1] = insns[r.insn * 8 + 1]! | 0x10
  return {
    programs: [
      { name: 'p', section: 'xdp', type: 'xdp', license: 'GPL', insns, references, functions: [], lines: [] },
    ],
    maps,
    variables: [],
    license: 'GPL',
    notes: [],
  }
}

const packet = new Uint8Array(64)
const engines = ['jit', 'interpreter'] as const

describe.each(engines)('a runtime on %s', (engine) => {
  it('loads an object, shares typed maps with it and frees everything', async () => {
    const runtime = await createRuntime({ engine })
    const before = runtime.arena.used
    const firewall = await runtime.load(object('firewall.o'))
    const blocked = firewall.map('blocked', { key: ipv4, value: codec.u64 })
    blocked.set('192.0.2.66', 7n).set('192.0.2.77', 8n)
    expect(blocked.get('192.0.2.66')).toBe(7n)
    expect(new Map(blocked)).toEqual(
      new Map([
        ['192.0.2.66', 7n],
        ['192.0.2.77', 8n],
      ]),
    )
    expect(blocked.delete('192.0.2.66')).toBe(true)
    expect(blocked.has('192.0.2.66')).toBe(false)
    firewall.close()
    firewall.close()
    // Engines keep a little for all programs; collections leave nothing.
    const idle = runtime.arena.used
    for (let i = 0; i < 20; i++) (await runtime.load(object('firewall.o'))).close()
    expect(runtime.arena.used).toBe(idle)
    expect(idle).toBeGreaterThanOrEqual(before)
    runtime.close()
  })

  it('sets globals before load and reads them afterwards', async () => {
    const runtime = await createRuntime({ engine })
    const spec = object('firewall.o')
    const collection = await runtime.load(spec, {
      globals: { blocked_udp_port: 53, block_echo_requests: true },
    })
    expect(collection.readGlobal('blocked_udp_port')).toEqual(Uint8Array.of(53, 0))
    expect(collection.readGlobal('block_echo_requests')).toEqual(Uint8Array.of(1))
    const bad = (globals: Record<string, GlobalValue>) => () => setGlobals(spec, globals)
    expect(bad({ blocked_udp_port: 65536 })).toThrow(/does not fit/)
    expect(bad({ port: 1 })).toThrow(/no global variable "port"; it has: .*blocked_udp_port/)
    runtime.close()
  })

  it('runs a helper in JS with the arguments that its descriptors promise', async () => {
    const seen: unknown[] = []
    const acme = definePlugin({
      name: 'acme',
      helpers: [
        defineHelper({
          name: 'acme_mix',
          id: 0x1_0001,
          args: [arg.mem({ access: 'read' }), arg.size(), arg.u64(), arg.i32()],
          returns: ret.u64(),
          programTypes: ['xdp'],
          call: (bytes, wide, small) => {
            seen.push(bytes.slice(), wide, small)
            return wide + 1n
          },
        }),
      ],
    })
    const runtime = await createRuntime({ engine, plugins: [acme] })
    const collection = await runtime.load(
      xdp(`
        stdw [r10-8], 0x01020304
        mov r1, r10
        add r1, -8
        mov r2, 8
        lddw r3, 0xfffffffffffffff0
        mov r4, -5
        call 0x10001
        mov r6, 0
        lddw r7, 0xfffffffffffffff1
        jne r0, r7, +1
        mov r6, 1
        mov r0, r6
        exit`),
    )
    expect(collection.program('p', 'xdp').testRun({ data: packet }).retval).toBe(1)
    expect(seen).toEqual([Uint8Array.of(4, 3, 2, 1, 0, 0, 0, 0), 0xffff_ffff_ffff_fff0n, -5])
    runtime.close()
  })

  it('runs a map type in JS', async () => {
    const doubled = defineMapType({
      name: 'doubled',
      id: 0x1_0001,
      check: () => undefined,
      value: 'plain',
      create: (env, map) => {
        const values = new Map<number, number>()
        const view = () => new DataView(env.memory.buffer)
        const scratch = map.address + 128
        return {
          lookup: (key) => {
            const value = values.get(view().getUint32(key, true))
            if (value === undefined) return 0
            view().setUint32(scratch, value * 2, true)
            return scratch
          },
          update: (key, value) => {
            values.set(view().getUint32(key, true), view().getUint32(value, true))
            return 0
          },
        }
      },
    })
    const runtime = await createRuntime({
      engine,
      plugins: [definePlugin({ name: 'acme', mapTypes: [doubled] })],
    })
    const map: MapSpec = { name: 'm', type: 'doubled', keySize: 4, valueSize: 4, maxEntries: 8 }
    const collection = await runtime.load(
      xdp(
        `
        stw [r10-4], 3
        lddw r1, 0
        mov r2, r10
        add r2, -4
        call 1
        jne r0, 0, +2
        mov r0, 0
        exit
        ldxw r0, [r0+0]
        exit`,
        [map],
        [{ insn: 1, kind: 'map', map: 'm' }],
      ),
    )
    expect(collection.program().testRun({ data: packet }).retval).toBe(0)
    collection.map('m', { key: codec.u32, value: codec.u32 }).set(3, 21)
    expect(collection.program().testRun({ data: packet }).retval).toBe(42)
    runtime.close()
  })

  it('attaches to a device: verdicts have their effects', async () => {
    const runtime = await createRuntime({ engine })
    const collection = await runtime.load(object('pass_drop.o'))
    const [near, far] = createDevicePair()
    const passed = createCollector()
    const link = attachXdp(collection.program('pass_tcp', 'xdp'), near, { pass: passed })
    const batch = new PacketBatch()
    const arp = new Uint8Array(60)
    arp.set([0x08, 0x06], 12)
    batch.push(arp)
    batch.push(packet)
    await far.transmit(batch)
    await far.close()
    expect(await link.done).toMatchObject({ packets: 2, passed: 1, dropped: 1 })
    expect(passed.packets.map((p) => p.data)).toEqual([arp])
    expect(link.closed).toBe(true)
    runtime.close()
  })
})

describe('refusals', () => {
  const load = async (
    spec: CollectionSpec,
    run: (runtime: Runtime) => Promise<unknown>,
  ): Promise<unknown> => {
    const runtime = await createRuntime()
    try {
      return await run(runtime).catch((error) => error)
    } finally {
      runtime.close()
      void spec
    }
  }

  it('names the program, the line of C and the fact when the verifier refuses', async () => {
    const spec = object('refused_bounds.o')
    const error = (await load(spec, (r) => r.load(spec))) as VerifierError
    expect(error).toBeInstanceOf(VerifierError)
    expect(error).toMatchObject({ code: 'VERIFIER_REJECTED', errno: 'EACCES', program: 'refused_bounds' })
    expect(error.line).toMatch(/^invalid access to packet/)
    expect(error.source?.file).toMatch(/refused_bounds\.bpf\.c$/)
    expect(error.log()).toContain(error.line)
  })

  it('leaves nothing behind when a load fails', async () => {
    const runtime = await createRuntime()
    const spec = object('refused_null.o')
    await expect(runtime.load(spec)).rejects.toThrow(VerifierError)
    const used = runtime.arena.used
    await expect(runtime.load(spec)).rejects.toThrow(VerifierError)
    expect(runtime.arena.used).toBe(used)
    runtime.close()
  })

  it('tells which programs, maps and engines there are', async () => {
    const runtime = await createRuntime()
    const collection = await runtime.load(object('pass_drop.o'))
    expect(() => collection.program('fail')).toThrow(
      /no program "fail"; the collection has: pass, drop, pass_tcp/,
    )
    expect(() => collection.program('pass', 'tc')).toThrow(/is of type xdp, not tc/)
    expect(() => collection.map('m')).toThrow(/no map "m"/)
    await expect(runtime.load(object('pass_drop.o'), { engine: 'v8' })).rejects.toThrow(
      /no engine "v8"; .*jit, interpreter/,
    )
    await expect(runtime.load(object('pass_drop.o'), { verify: false })).rejects.toMatchObject({
      code: 'UNVERIFIED',
    })
    runtime.close()
    await expect(runtime.load(object('pass_drop.o'))).rejects.toBeInstanceOf(RuntimeError)
  })

  it('checks codecs against the map', async () => {
    const runtime = await createRuntime()
    const firewall = await runtime.load(object('firewall.o'))
    expect(() => firewall.map('blocked', { key: codec.u64, value: codec.u64 })).toThrow(
      'map blocked has a key of 4 bytes, but codec u64 has 8; use a codec of 4 bytes',
    )
    runtime.close()
  })
})

describe('checked mode', () => {
  it('runs unverified code and stops it at an access that it may not make', async () => {
    const runtime = await createRuntime({ engine: 'interpreter' })
    const load = (text: string) => runtime.load(xdp(text), { verify: false })
    const wild = await load('mov r1, 64\nldxdw r0, [r1+0]\nexit')
    expect(() => wild.program().testRun({ data: packet })).toThrow(
      /p: access outside .* address 0x40, insn 1/,
    )
    // The control block lies in the arena too, and is none of the program's business.
    const meddling = await load(`lddw r1, ${runtime.host.control}\nstw [r1+0], 1\nmov r0, 0\nexit`)
    expect(() => meddling.program().testRun({ data: packet })).toThrow(/access outside/)
    const endless = await load('ja -1\nexit')
    expect(() => endless.program().testRun({ data: packet })).toThrow(/instruction budget used up/)
    const fine = await load('mov r0, 2\nexit')
    expect(fine.program().testRun({ data: packet }).retval).toBe(2)
    runtime.close()
  })
})

describe('bare runs and foreign helpers', () => {
  it.each(engines)('call by register, and leave no budget behind, on %s', async (engine) => {
    const runtime = await createRuntime({ engine })
    const insns = decode(assemble('mov r2, 5\ncallx r2\nmov r0, 2\nexit'))
    expect(await runtime.runBare(insns, new Uint8Array(0))).toBe(2n)
    const at = runtime.host.control + control.CTL_BUDGET
    expect(runtime.arena.view.getBigInt64(at, true)).toBe(0n)
    runtime.close()
  })

  it('refuses unverified code a helper of another program type', async () => {
    const runtime = await createRuntime({ engine: 'interpreter' })
    const skb = xdp('call 9\nexit')
    await expect(runtime.load(skb, { verify: false })).rejects.toThrow(
      /type xdp may not call bpf_skb_store_bytes/,
    )
    runtime.close()
  })
})

describe('deterministic mode', () => {
  it('gives the same random numbers and times for the same seed', async () => {
    const run = async (): Promise<number[]> => {
      const runtime = await createRuntime({ seed: 5n })
      const collection = await runtime.load(xdp('call 7\nmov r6, r0\ncall 5\nadd r0, r6\nexit'))
      const results = [1, 2, 3].map(() => collection.program().testRun({ data: packet }).retval)
      runtime.close()
      return results
    }
    const first = await run()
    expect(await run()).toEqual(first)
    expect(new Set(first).size).toBe(3)
  })
})
