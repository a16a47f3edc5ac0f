import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createStandaloneCompiler, type Features, type StandaloneModule } from '@skep/jit-wasm/standalone'
import { parseCapture } from '@skep/packet'
import { definePlugin } from '@skep/registry'
import {
  type CollectionSpec,
  createDefaultPlatform,
  createRuntime,
  type GlobalValue,
  parseObject,
} from '@skep/runtime'
import { beforeAll, describe, expect, it } from 'vitest'
import { compileObject } from '../src/compile-object.ts'

interface Result {
  readonly verdicts: number[]
  readonly left: number
  readonly texts: string[]
  readonly maps: Record<string, [key: string, value: string][]>
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const hosts = path('../testdata/hosts/')
const scratch = mkdtempSync(join(tmpdir(), 'skep-compile-'))
const platform = createDefaultPlatform()
const SEED = 7n

const packets = [...parseCapture(readFileSync(path('../testdata/traffic.pcap')))]
  .slice(0, 100)
  .map(({ data }) => data.slice())

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function digest(hash: number, bytes: Uint8Array): number {
  let h = hash
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193) >>> 0
  return h
}

/** Elements in hex, by map. */
type Fill = Readonly<Record<string, readonly (readonly [key: string, value: string])[]>>

/** What the runtime's own JIT makes of the same packets, and the modules of the same collection before it ran. */
async function reference(
  spec: CollectionSpec,
  name: string,
  {
    fill = {},
    input = packets,
    globals = {},
    features = ['2.0'],
  }: {
    readonly fill?: Fill
    readonly input?: readonly Uint8Array[]
    readonly globals?: Record<string, GlobalValue>
    readonly features?: readonly Features[]
  } = {},
): Promise<{ readonly expected: Result; readonly modules: Uint8Array[] }> {
  // Runs like the JIT: it is the JIT.
  const compiler = createStandaloneCompiler()
  const runtime = await createRuntime({
    seed: SEED,
    plugins: [definePlugin({ name: 'standalone', engines: [compiler.engine] })],
    engine: 'standalone',
  })
  const texts: string[] = []
  runtime.on('printk', ({ text }) => void texts.push(text))
  try {
    const collection = await runtime.load(spec, { globals })
    const modules = features.map(
      (version) => compiler.build(collection, runtime.platform, { features: version }).bytes,
    )
    for (const [map, elements] of Object.entries(fill)) {
      for (const [key, value] of elements)
        collection.map(map).update(Buffer.from(key, 'hex'), Buffer.from(value, 'hex'))
    }
    const program = collection.program(name)
    const verdicts: number[] = []
    let left = 0x811c9dc5
    for (const packet of input) {
      const { retval, data } = program.testRun({ data: packet })
      verdicts.push(retval)
      // A test run gives packets without a link-layer header one of zeros.
      left = digest(left, program.type === 'xdp' ? data! : data!.subarray(14))
    }
    const maps = Object.fromEntries(
      [...collection.maps]
        .filter(([, { type, keySize }]) => keySize > 0 && !/prog|ringbuf|perf|_maps/.test(type))
        .map(([map, handle]) => {
          const found: [string, string][] = []
          for (let key = handle.nextKey(); key; key = handle.nextKey(key))
            found.push([hex(key), hex(handle.lookup(key)!.subarray(0, handle.valueSize))])
          return [map, found.sort()]
        }),
    )
    return { expected: { verdicts, left, texts, maps }, modules }
  } finally {
    runtime.close()
  }
}

const trimmed = (result: Result): Result => ({
  ...result,
  texts: result.texts.map((text) => text.replace(/\n$/, '')),
})

interface Host {
  runPackets(wasm: Uint8Array, program: string, packets: Uint8Array[], fill?: Fill): Promise<Result>
  runBatch(
    wasm: Uint8Array,
    program: string,
    packets: Uint8Array[],
    fill?: Fill,
  ): Promise<Result & { done: number }>
}

const open = (file: string): CollectionSpec => parseObject(readFileSync(file), platform)
const compile = (
  spec: CollectionSpec,
  features: Features,
  set: Record<string, GlobalValue>,
): Promise<StandaloneModule> => compileObject(spec, { seed: SEED, features, set })

const objects = readdirSync(path('../testdata'))
  .filter((name) => name.endsWith('.o') && !/^(refused|unprivileged)|\.(v\d|nodebug|stripped)\.o$/.test(name))
  .map((name) => path(`../testdata/${name}`))

/** Objects that are compiled for every version of WebAssembly. */
const severalForms = /(firewall|tailcall_parser|loops|csum)\.o$/

/** Programs a to i of the benchmark, with the elements that they look for. */
const bench = ['a trivial.o', 'b drop_port.o', 'c count_protocols.o', 'd forward.o', 'e blacklist.o']
  .concat(['f xorshift.o', 'g longest_prefix.o', 'h checksum.o', 'i filter.ddd'])
  .map((entry) => [entry[0]!, path(`../../bench/programs/${entry.slice(2)}`)] as const)

/** Every source address of the traffic goes into hash maps, half of the prefixes of 24 bits into tries. */
function fillOf(spec: CollectionSpec): Fill {
  const addresses = new Set(
    packets.filter((p) => p[12] === 8 && p[13] === 0).map((p) => hex(p.subarray(26, 30))),
  )
  const value = (size: number): string => '01'.padEnd(2 * size, '0')
  return Object.fromEntries(
    spec.maps.flatMap(({ name, type, keySize, valueSize }) => {
      const list = [...addresses]
      if (type === 'hash' && keySize === 4) return [[name, list.map((a) => [a, value(valueSize)] as const)]]
      if (type !== 'lpm_trie' || keySize !== 8) return []
      const prefixes = new Set(list.filter((_, n) => n % 2 === 0).map((a) => `18000000${a.slice(0, 6)}00`))
      return [[name, [...prefixes].map((p) => [p, value(valueSize)] as const)]]
    }),
  )
}

describe('standalone modules', () => {
  let host: Host
  beforeAll(async () => {
    host = (await import(pathToFileURL(join(hosts, 'host.mjs')).href)) as Host
  })

  it.each(objects)('%s: verdicts, packets, maps and texts are the runtime’s', async (file) => {
    const spec = open(file)
    const features: Features[] = severalForms.test(file) ? ['2.0', '1.0', '3.0'] : ['2.0']
    for (const { name } of spec.programs) {
      const { expected, modules } = await reference(spec, name, { features })
      for (const bytes of modules) {
        expect(trimmed(await host.runPackets(bytes, name, packets))).toEqual(expected)
      }
      const { done, verdicts, maps } = await host.runBatch(modules[0]!, name, packets)
      expect({ done, verdicts, maps }).toEqual({
        done: packets.length,
        verdicts: expected.verdicts,
        maps: expected.maps,
      })
    }
  })

  it.each(bench)('program %s of the benchmark gives the same verdicts as the JIT', async (letter, file) => {
    const spec = open(file)
    const fill = fillOf(spec)
    // It counts to 65,536 for each.
    const input = letter === 'f' ? packets.slice(0, 5) : packets
    for (const { name } of spec.programs) {
      const { expected, modules } = await reference(spec, name, { fill, input })
      expect(await host.runPackets(modules[0]!, name, input, fill)).toEqual(expected)
      const { verdicts, maps } = await host.runBatch(modules[0]!, name, input, fill)
      expect({ verdicts, maps }).toEqual({ verdicts: expected.verdicts, maps: expected.maps })
    }
  })
})

const PROGRAM = 'firewall'
const globals = { blocked_udp_port: 53, block_echo_requests: true }

/** The same module in engines other than this process's. */
describe('hosts of a module', () => {
  const module = join(scratch, 'firewall.wasm')
  const plain = join(scratch, 'firewall.1.0.wasm')
  const list = join(scratch, 'packets')
  let expected: Result
  beforeAll(async () => {
    const spec = open(path('../testdata/firewall.o'))
    writeFileSync(module, (await compile(spec, '2.0', globals)).bytes)
    writeFileSync(plain, (await compile(spec, '1.0', globals)).bytes)
    const lengths = packets.map((packet) => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(packet.length)
      return Buffer.concat([length, packet])
    })
    writeFileSync(list, Buffer.concat(lengths))
    expected = (await reference(spec, PROGRAM, { globals })).expected
    expect(new Set(expected.verdicts).size).toBeGreaterThan(1)
  })

  const run = (command: string, args: readonly string[]): Result => {
    const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 24 })
    if (stdout === '') throw new Error(stderr)
    return trimmed(JSON.parse(stdout) as Result)
  }

  it('Node, in a process that has nothing of Skep', () => {
    expect(run(process.execPath, [join(hosts, 'node-host.mjs'), module, PROGRAM, list])).toEqual(expected)
  })

  const python = spawnSync('python3', ['-c', 'import wasmtime']).status === 0
  it.skipIf(!python)('wasmtime from Python (skipped without python3 and its package wasmtime)', () => {
    const script = join(hosts, 'host.py')
    expect(run('python3', [script, module, PROGRAM, list])).toEqual(expected)
    expect(run('python3', [script, plain, PROGRAM, list, '--plain'])).toEqual(expected)
  })

  const wabt = ['wast2json', 'spectest-interp'].every((tool) => spawnSync(tool, ['--version']).status === 0)
  it.skipIf(!wabt)(
    "wabt's interpreter of WebAssembly 1.0 (skipped without wast2json and spectest-interp)",
    () => {
      const few = packets.slice(0, 40)
      const script = join(scratch, 'hosts.wast')
      writeFileSync(script, wast(readFileSync(plain), few, expected.verdicts))
      const newer = ['bulk-memory', 'reference-types', 'sign-extension', 'multi-value', 'simd']
      const flags = [...newer, 'saturating-float-to-int'].map((feature) => `--disable-${feature}`)
      const json = join(scratch, 'hosts.json')
      expect(spawnSync('wast2json', [...flags, script, '-o', json], { encoding: 'utf8' }).stderr).toBe('')
      const { stdout } = spawnSync('spectest-interp', [...flags, json], { encoding: 'utf8' })
      // Its count has the three modules too.
      const tests = few.length + 3
      expect(stdout).toContain(`${tests}/${tests} tests passed`)
    },
  )

  const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
    (name) => spawnSync(name, ['--version']).status === 0,
  )
  it.skipIf(!chromium)('Chromium (skipped where it is not installed)', () => {
    const page = join(scratch, 'page.html')
    const base64 = (file: string): string => readFileSync(file).toString('base64')
    const script = readFileSync(join(hosts, 'host.mjs'), 'utf8').replaceAll(/^export /gm, '')
    writeFileSync(
      page,
      `<!doctype html><pre id="result"></pre><script type="module">
${script}
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
const packets = readPackets(bytes('${base64(list)}'))
const result = await runPackets(bytes('${base64(module)}'), '${PROGRAM}', packets)
document.getElementById('result').textContent = btoa(JSON.stringify(result))
</script>`,
    )
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${join(scratch, 'profile')}`,
    ]
    const { stdout, stderr } = spawnSync(
      chromium!,
      [...flags, '--virtual-time-budget=20000', '--dump-dom', pathToFileURL(page).href],
      { encoding: 'utf8', maxBuffer: 2 ** 24 },
    )
    const text = /<pre id="result">([^<]+)</.exec(stdout)?.[1]
    if (text === undefined) throw new Error(`no result: ${stdout.slice(-300)} ${stderr.slice(-1000)}`)
    expect(trimmed(JSON.parse(atob(text)) as Result)).toEqual(expected)
  })
})

/** A script of the specification's tests: a module beside the firewall's writes each packet into its memory and runs it. */
function wast(module: Uint8Array, input: readonly Uint8Array[], verdicts: readonly number[]): string {
  const binary = [...module].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')
  const functions = input.map((packet, n) => {
    const stores = [...packet].map(
      (byte, at) => `(i32.store8 offset=${at} (call $packet) (i32.const ${byte}))`,
    )
    const run = `(call $run (call $context (i32.const ${packet.length})))`
    return `(func (export "${n}") (result i32) ${stores.join('\n')} ${run})`
  })
  return `
(module (func (export "printk") (param i32 i32)))
(register "skep")
(module binary "${binary}")
(register "firewall")
(module
  (import "firewall" "memory" (memory 1))
  (import "firewall" "skep_packet" (func $packet (result i32)))
  (import "firewall" "context_${PROGRAM}" (func $context (param i32) (result i32)))
  (import "firewall" "run_${PROGRAM}" (func $run (param i32) (result i32)))
  ${functions.join('\n')})
${input.map((_, n) => `(assert_return (invoke "${n}") (i32.const ${verdicts[n]!}))`).join('\n')}
`
}
