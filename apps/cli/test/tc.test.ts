import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createCollector, createPcapSource, encodeCapture, type PacketDevice } from '@skep/packet'
import { createPinFolder } from '@skep/runtime/node'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readBatch, runTc } from '../src/tc/run-tc.ts'
import { openTc, type TcState } from '../src/tc/state.ts'

const objects = fileURLToPath(new URL('../../../packages/loader-tc/testdata/', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'skep-tc-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Files without a folder are the objects of loader-tc. */
const read = (path: string): Promise<Uint8Array> => readFile(path.includes('/') ? path : `${objects}${path}`)

const frame = (...bytes: readonly number[]): Uint8Array => {
  const out = new Uint8Array(60)
  out.set(bytes)
  return out
}
const capture = (...packets: readonly Uint8Array[]): Promise<PacketDevice> =>
  createPcapSource(encodeCapture(packets.map((data) => ({ data }))))

let state: TcState
const errors: string[] = []
beforeEach(async () => {
  state = await openTc({ read, engine: 'interpreter', pinning: { 5: 'mine' } })
  errors.length = 0
  state.runtime.on('exception', (error) => errors.push((error as Error).message))
})
afterEach(() => state.close())

const tc = async (line: string) => {
  const [command] = readBatch(line)
  return runTc(state, command!.words)
}
/** Runs commands that must be fine, and gives what the last one printed. */
const run = async (...lines: readonly string[]): Promise<readonly string[]> => {
  let out: readonly string[] = []
  for (const line of lines) {
    const outcome = await tc(line)
    expect([line, outcome.status, outcome.err.filter((l) => !l.startsWith('Note'))]).toEqual([line, 0, []])
    out = outcome.out
  }
  return out
}

describe('commands', () => {
  it('list filters as tc does', async () => {
    state.addDevice('v0')
    await run(
      'qdisc add dev v0 clsact',
      'filter add dev v0 ingress bpf da obj shared.o sec ingress',
      'filter add dev v0 egress bpf da obj shared.o sec egress',
      'filter add dev v0 egress bpf obj graft.o sec classifier flowid 1:1',
      'filter add dev v0 egress protocol ip prio 5 handle 7 bpf bytecode "1,6 0 0 4294967295," flowid 1:3 action drop',
    )
    expect(await run('qdisc show dev v0')).toEqual(['qdisc clsact ffff: parent ffff:fff1 '])
    expect(await run('qdisc')).toEqual(['qdisc clsact ffff: dev v0 parent ffff:fff1 '])
    const lines = await run('filter show dev v0 egress')
    expect(lines.map((line) => line.replace(/ id \d+/, ' id N'))).toEqual([
      'filter protocol ip pref 5 bpf chain 0 ',
      "filter protocol ip pref 5 bpf chain 0 handle 0x7 flowid 1:3 bytecode '1,6 0 0 4294967295,' not_in_hw id N name bytecode ",
      '\taction order 1: gact drop',
      'filter protocol all pref 49151 bpf chain 0 ',
      'filter protocol all pref 49151 bpf chain 0 handle 0x1 flowid 1:1 graft.o:[classifier] not_in_hw id N name choose ',
      'filter protocol all pref 49152 bpf chain 0 ',
      'filter protocol all pref 49152 bpf chain 0 handle 0x1 shared.o:[egress] direct-action not_in_hw id N name add ',
    ])
    const [json] = await run('-j filter show dev v0 ingress')
    expect(JSON.parse(json!)).toMatchObject([
      { protocol: 'all', pref: 49152, kind: 'bpf', chain: 0 },
      { options: { handle: '0x1', bpf_name: 'shared.o:[ingress]', 'direct-action': true } },
    ])
    await run(
      'filter replace dev v0 egress prio 49152 handle 1 bpf da obj shared.o sec ingress',
      'filter del dev v0 egress prio 5',
    )
    expect((await run('filter show dev v0 egress')).join()).toMatch(/shared.o:\[ingress\]/)
    expect((await run('filter show dev v0 egress')).length).toBe(4)
    await run('filter del dev v0 egress', 'qdisc del dev v0 clsact')
    expect(await run('filter show dev v0')).toEqual([])
  })

  // What Debian's tc 6.1 prints in a network namespace, and with which status it ends.
  it.each([
    ['qdisc add dev nope clsact', 1, ['Cannot find device "nope"']],
    ['qdisc add dev v0 clsact', 2, ['Error: Exclusivity flag on, cannot modify.']],
    ['qdisc del dev bare clsact', 2, ['Error: Invalid handle.']],
    [
      'filter add dev bare ingress bpf da obj shared.o sec ingress',
      2,
      ["Error: Parent Qdisc doesn't exists.", 'We have an error talking to the kernel'],
    ],
    [
      'filter add dev v0 ingress action drop',
      1,
      ['Unknown filter "action", hence option "drop" is unparsable'],
    ],
    [
      'filter add dev v0 egress foo',
      2,
      ['Error: TC classifier not found.', 'We have an error talking to the kernel'],
    ],
    [
      'filter add dev v0 ingress bpf da obj shared.o sec nope',
      1,
      [expect.stringContaining("object file doesn't contain sec nope"), 'Unable to load program'],
    ],
    [
      'filter add dev v0 ingress bpf da obj shared.o',
      1,
      [expect.stringContaining("object file doesn't contain sec classifier"), 'Unable to load program'],
    ],
    [
      'filter add dev v0 ingress bpf da obj nope.o sec x',
      1,
      [
        'Error opening object nope.o: No such file or directory',
        'Cannot initialize ELF context!',
        'Unable to load program',
      ],
    ],
    [
      'filter add dev v0 egress bpf bytecode "2,6 0 0 4294967295,"',
      1,
      ['Parsed program length is less than encoded length parameter!', 'Unable to parse bpf command line'],
    ],
    ['filter add dev v0 egress bpf bytecode "1 6 0 0 0"', 1, ['Unable to parse bpf command line']],
    [
      'filter add dev v0 egress bpf da obj shared.o sec ingress foo',
      1,
      [expect.stringContaining('What is "foo"?')],
    ],
    [
      'filter add dev v0 egress bpf da',
      2,
      ['RTNETLINK answers: Invalid argument', 'We have an error talking to the kernel'],
    ],
    [
      'filter add dev v0 parent ffff: bpf da obj shared.o sec ingress',
      2,
      ['RTNETLINK answers: Invalid argument', 'We have an error talking to the kernel'],
    ],
    [
      'filter add dev v0 root bpf da obj shared.o sec ingress',
      2,
      ["Error: Specified class doesn't exist.", 'We have an error talking to the kernel'],
    ],
    [
      'filter add dev v0 ingress bpf obj shared.o sec ingress classid zz',
      1,
      [expect.stringContaining('Illegal "classid"')],
    ],
    [
      'filter add dev v0 ingress bpf da object-pinned /sys/fs/bpf/nope',
      1,
      [
        "Couldn't retrieve pinned program '/sys/fs/bpf/nope': No such file or directory",
        'Unable to parse bpf command line',
      ],
    ],
    [
      'filter del dev v0 egress prio 5',
      2,
      ['Error: Filter with specified priority/protocol not found.', 'We have an error talking to the kernel'],
    ],
    [
      'exec bpf graft m:globals/choice obj graft.o sec red',
      234,
      ["Couldn't infer map key from section name! Please provide 'key' argument!"],
    ],
    [
      'exec bpf graft m:globals/nope key 0 obj graft.o sec red',
      255,
      ["Couldn't retrieve pinned map 'm:globals/nope': No such file or directory"],
    ],
    [
      'exec bpf graft m:globals/choice key 9 obj graft.o sec red',
      255,
      ['Map update failed: Argument list too long'],
    ],
    ['foo', 255, ['Object "foo" is unknown, try "tc help".']],
    ['filter foo', 255, ['Command "foo" is unknown, try "tc filter help".']],
    ['qdisc foo', 255, ['Command "foo" is unknown, try "tc qdisc help".']],
  ])('%s: status %i', async (line, status, err) => {
    state.addDevice('v0')
    state.addDevice('bare')
    await run('qdisc add dev v0 clsact', 'filter add dev v0 egress bpf obj graft.o')
    expect(await tc(line)).toEqual({ status, out: [], err })
  })

  it('say where a map differs from its pin', async () => {
    state.addDevice('v0')
    await run('qdisc add dev v0 clsact', 'filter add dev v0 egress bpf obj graft.o')
    const bytes = readFileSync(`${objects}graft_legacy.o`)
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const head = [3, 4, 4, 1, 0, 7, 2]
    let at = 0
    while (!head.every((word, n) => view.getUint32(at + 4 * n, true) === word)) at += 4
    view.setUint32(at + 12, 6, true)
    writeFileSync(join(folder, 'other.o'), bytes)
    expect(await tc(`filter add dev v0 egress bpf obj ${folder}/other.o`)).toEqual({
      status: 1,
      out: [],
      err: [
        'Map specification differs from pinned file!',
        ' - Max elems:    6 (obj) != 1 (pin)',
        '',
        "Map 'choice' self-check failed!",
        'Error fetching ELF ancillary data!',
        'Unable to load program',
      ],
    })
  })

  it('say what the verifier says', async () => {
    state.addDevice('v0')
    const { status, err } = await tc(
      'filter add dev v0 egress bpf obj sizes_9.o sec prog action bpf obj cyclic.o type act',
    )
    expect([status, err[0]]).toEqual([1, expect.stringContaining('What is "type"?')])
    const refused = fileURLToPath(new URL('../testdata/refused_bounds.o', import.meta.url))
    const outcome = await tc(`filter add dev v0 egress bpf da obj ${refused} sec xdp`)
    expect(outcome.err).toContain("Prog section 'xdp' rejected: Permission denied (13)!")
    expect(outcome.err.at(-1)).toBe('Unable to load program')
  })

  it('warn of a missing da', async () => {
    state.addDevice('v0')
    await run('qdisc add dev v0 clsact')
    const { status, err } = await tc('filter add dev v0 egress bpf obj verdicts.o')
    expect([status, err]).toEqual([0, [expect.stringContaining('without direct-action')]])
  })
})

it('filters that come and go leave nothing behind', async () => {
  state.addDevice('v0')
  await run('qdisc add dev v0 clsact')
  const cycle = async (): Promise<void> => {
    await run(
      'filter add dev v0 egress prio 1 handle 1 bpf da obj verdicts.o sec by_byte',
      'filter replace dev v0 egress prio 1 handle 1 bpf obj verdicts.o sec by_byte action bpf obj verdicts.o',
      'filter del dev v0 egress',
    )
  }
  await cycle()
  const before = state.runtime.arena.count
  for (let n = 0; n < 5; n++) await cycle()
  expect(state.runtime.arena.count).toBe(before)
})

describe('packets', () => {
  it('graft replaces a slot while packets come', async () => {
    const pass = createCollector()
    state.addDevice('v0', { source: await capture(...Array.from({ length: 6 }, (_, n) => frame(n))), pass })
    await run(
      'qdisc add dev v0 clsact',
      'filter add dev v0 ingress bpf obj graft.o flowid 1:1',
      'replay count 2',
      'exec bpf graft m:globals/choice key 0 obj graft.o sec red',
      'replay dev v0 count 1',
      'exec bpf graft m:globals/choice key 0 obj graft_legacy.o sec green',
      'replay',
    )
    expect(await run('exec bpf dbg')).toEqual(['nothing', 'nothing', 'red', 'green', 'green', 'green'])
    expect(await run('exec bpf dbg')).toEqual([])
    expect(pass.packets.length).toBe(6)
  })

  it('maps are shared between the sides of a device, also one in another', async () => {
    for (const name of ['shared', 'shared_legacy', 'nested', 'nested_legacy']) {
      const dev = name.replace('_', '')
      const send = await capture(frame(1), frame(2), frame(3))
      state.addDevice(dev, { send, source: await capture(frame(4)) })
      await run(
        `qdisc add dev ${dev} clsact`,
        `filter add dev ${dev} egress bpf da obj ${name}.o sec egress`,
        `filter add dev ${dev} ingress bpf da obj ${name}.o sec ingress`,
        `replay dev ${dev}`,
      )
      expect([name, await run('exec bpf dbg')]).toEqual([name, ['count 0']])
      const pin = state.runtime.pins.find(({ path }) => /(counter|inner|outer)$/.test(path))!
      expect(pin.path).toMatch(/^sys\/fs\/bpf\/tc\//)
      state.runtime.removeAllListeners('printk')
      await state.close()
      state = await openTc({ read, engine: 'interpreter' })
    }
  })

  it('jumps go through all of their slots', async () => {
    const out = createCollector()
    state.addDevice('v0', { send: await capture(frame(1), frame(2)), sink: out })
    await run('qdisc add dev v0 clsact', 'filter add dev v0 egress bpf da obj jumps.o', 'replay')
    expect(await run('exec bpf dbg')).toEqual([
      'first: 1 from 3',
      'last: 1 from 0',
      'first: 2 from 3',
      'last: 2 from 0',
    ])
    expect(out.packets.length).toBe(2)
  })

  it('devices know each other by number, and mirred by name', async () => {
    const [one, two] = [createCollector(), createCollector()]
    state.addDevice('a', { source: await capture(frame(0, 0, 0, 0, 0, 0, 2), frame(0, 0, 0, 0, 0, 0, 9)) })
    state.addDevice('b', { sink: one, send: await capture(frame(7)) })
    state.addDevice('c', { sink: two })
    await run(
      'qdisc add dev a clsact',
      'qdisc add dev b clsact',
      'filter add dev a ingress bpf da obj verdicts.o sec to_device',
      'filter add dev b egress bpf bytecode "1,6 0 0 1," action mirred egress mirror dev c action ok',
      'replay',
    )
    expect([one.packets.length, two.packets.length]).toEqual([2, 2])
    expect(errors).toEqual([expect.stringContaining('knows no device 9')])
  })

  it('exported maps, and packets of devices without filters', async () => {
    const pass = createCollector()
    state.addDevice('v0', { source: await capture(frame(1), frame(2), frame(3)), pass })
    await run('qdisc add dev v0 clsact', 'replay count 2')
    expect(pass.packets.length).toBe(2)
    await run('filter add dev v0 ingress bpf da obj jumps.o exp /run/maps', 'replay')
    expect([pass.packets.length, (await run('exec bpf dbg')).length]).toEqual([3, 2])
    const [number, first] = await run('exec bpf import /run/maps')
    expect([number, first]).toEqual(['BPF_NUM_MAPS=3', expect.stringMatching(/^BPF_MAP42=\d+$/)])
    expect((await tc('exec bpf import /run/none')).status).toBe(255)
  })

  it('pinned maps outlive the state, where they are stored', async () => {
    const counts: string[] = []
    for (let n = 0; n < 2; n++) {
      const one = await openTc({ read, engine: 'interpreter', pins: createPinFolder(join(folder, 'pins')) })
      one.addDevice('v0', { source: await capture(frame(1)), send: await capture(frame(2), frame(3)) })
      for (const words of [
        'qdisc add dev v0 clsact',
        'filter add dev v0 ingress bpf da obj shared_legacy.o sec ingress',
        'filter add dev v0 egress bpf da obj shared_legacy.o sec egress',
        'replay',
      ])
        expect((await runTc(one, words.split(' '))).err).toEqual([])
      counts.push(...one.trace)
      await one.close()
    }
    expect(counts).toEqual(['count 0', 'count 2'])
  })
})

it('a batch has comments, quotes and lines that go on', () => {
  expect(readBatch('# one\nqdisc add \\\n dev v0 clsact\n\nfilter add "a b" \'c d\' # rest')).toEqual([
    { line: 2, words: ['qdisc', 'add', 'dev', 'v0', 'clsact'] },
    { line: 5, words: ['filter', 'add', 'a b', 'c d'] },
  ])
})
