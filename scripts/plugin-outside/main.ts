import { assemble } from '@skep/isa'
import { type CollectionSpec, codec, createRuntime, type MapSpec, type ProgramSpec } from '@skep/runtime'
import { hashing } from './helper.ts'
import { http } from './http-request.ts'
import { scaling } from './kfunc.ts'
import { calls, mixing } from './lowered.ts'
import { requests } from './requests.ts'
import { timeToLive } from './ttl-map.ts'

const ttl: MapSpec = { name: 'ttl', type: 'ttl_hash', keySize: 4, valueSize: 4, maxEntries: 2, mapExtra: 1 }

const lookUp = `
  *(u32 *)(r10 - 4) = 1
  r2 = r10
  r2 += -4
  r1 = 0 ll
  call 1
  if r0 == 0 goto +2
  r0 = *(u32 *)(r0 + 0)
  exit
  r0 = 404
  exit
`
const texts: Readonly<Record<string, string>> = {
  hash: '*(u32 *)(r10 - 4) = 7\nr1 = r10\nr1 += -4\nr2 = 4\nr3 = 5\ncall 0x10001\nexit',
  scale: '*(u32 *)(r10 - 4) = 0x01020304\nr1 = 3\nr2 = r10\nr2 += -4\nr3 = 4\ncall 0\nexit',
  mix: 'r1 = 40\nr2 = 2\ncall 0x10003\nexit',
  find: lookUp,
  bad: 'r1 = r10\nr1 += -4\nr2 = 8\nr3 = 5\ncall 0x10001\nexit',
}

function program(name: string): ProgramSpec {
  const insns = assemble(texts[name]!)
  const references: ProgramSpec['references'][number][] = []
  if (name === 'scale') {
    insns[5 * 8 + 1] = 0x20
    references.push({ insn: 5, kind: 'kfunc', name: 'acme_scale' })
  }
  if (name === 'find') {
    insns[3 * 8 + 1]! |= 0x10
    references.push({ insn: 3, kind: 'map', map: 'ttl' })
  }
  return { name, section: 'xdp', type: 'xdp', license: 'GPL', insns, references, functions: [], lines: [] }
}

const spec = (...names: string[]): CollectionSpec => ({
  programs: names.map(program),
  maps: names.includes('find') ? [ttl] : [],
  variables: [],
  license: 'GPL',
  notes: [],
})

const plugins = [hashing, scaling, mixing, timeToLive, http]
for (const engine of ['interpreter', 'jit']) {
  const runtime = await createRuntime({ plugins, engine })
  const collection = await runtime.load(spec('hash', 'scale', 'mix', 'find'))
  const run = (name: string): number =>
    collection.program(name, 'xdp').testRun({ data: new Uint8Array(64) }).retval
  const before = calls
  console.log(engine, 'hash', run('hash').toString(16), 'scale', run('scale'), 'mix', run('mix'))
  console.log(engine, 'mix in JS', calls - before)

  const map = collection.map('ttl', { key: codec.u32, value: codec.u32 })
  const absent = run('find')
  map.set(1, 7)
  const found = run('find')
  // However fast the host is, the element is gone when so much time has passed.
  while (map.has(1));
  map.set(2, 8).set(3, 9)
  console.log(engine, 'ttl', absent, found, run('find'), [...map].length <= 2)
  const refused: unknown = await runtime.load(spec('bad')).catch((error) => error.line)
  console.log(engine, 'refused', refused)
  console.log(engine, 'requests', await requests(runtime))
  runtime.close()
}
