import { readFileSync } from 'node:fs'
import { ipv4 } from '@skep/packet'
import { expect, it } from 'vitest'
import { type CollectionSpec, codec, createRuntime, mapLayout, parseElf } from '../src/index.ts'
import { engines } from './hostile-tools.ts'

const object = parseElf(readFileSync(new URL('../../../apps/cli/testdata/firewall.o', import.meta.url)))

/** The object with its hash as one of the newer kernels' type. */
const resizable: CollectionSpec = {
  ...object,
  maps: object.maps.map((map) =>
    map.name === 'blocked' ? { ...map, type: 'rhash', flags: mapLayout.BPF_F_NO_PREALLOC, mapExtra: 8 } : map,
  ),
}

it.each(engines)('programs and the host use an rhash as a hash on %s', async (engine) => {
  const results = []
  for (const spec of [object, resizable]) {
    const runtime = await createRuntime({ engine })
    const collection = await runtime.load(spec)
    const blocked = collection.map('blocked', { key: ipv4, value: codec.u64 })
    for (let n = 1; n <= 100; n++) blocked.set(`192.0.2.${n}`, BigInt(n))
    blocked.delete('192.0.2.7')
    const packet = new Uint8Array(64)
    packet.set([8, 0, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 66, 192, 0, 2, 1], 12)
    const { retval } = collection.program('firewall', 'xdp').testRun({ data: packet })
    results.push([retval, blocked.get('192.0.2.66'), blocked.get('192.0.2.7'), [...blocked].length])
    runtime.close()
  }
  expect(results[1]).toEqual(results[0])
  expect(results[1]).toEqual([1, 67n, undefined, 99])
})
