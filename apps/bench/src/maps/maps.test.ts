import { isKernelAvailable, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { HostSide, keyOf } from './host.ts'
import { LoopsHere, LoopsThere } from './loops.ts'
import { benchMaps } from './main.ts'
import { rows } from './rows.ts'

const available = await isKernelAvailable()
const row = { ...rows.find(({ title }) => title === 'hash, 1,000')!, entries: 100 }

describe('the bench of maps', () => {
  it.skipIf(!available.ok)('leaves the same in a map here and in the kernel', async () => {
    const kernel = await openKernel()
    const here = await LoopsHere.create(row, kernel.possibleCpus)
    const there = new LoopsThere(kernel, row)
    for (const program of row.programs) {
      expect(here.time(program, 3)).toBeGreaterThan(0)
      expect(await there.time(program, 3)).toBeGreaterThan(0)
    }
    expect(here.map.size).toBe(row.entries)
    for (let n = 0; n < row.entries + 40; n++)
      expect(here.map.lookup(keyOf(row, n)), `${n}`).toEqual(there.map.lookup(keyOf(row, n)))
    here.close()
    there.close()
    kernel.close()
  })

  it('does as many operations as it is asked for, and puts the map back', async () => {
    const here = await LoopsHere.create(row, 1)
    const side = new HostSide(here.map, row)
    for (const operation of row.host) {
      expect(side.time(operation, 250)).toBeGreaterThan(0)
      expect(here.map.size).toBe(row.entries)
    }
    expect(side.kept).toBeDefined()
    here.close()
  })

  it.each(['ringbuf, 16 bytes', 'user_ringbuf, 16 bytes', 'bloom_filter', 'hash_of_maps', 'lpm_trie, 1,000'])(
    'runs every operation of %s',
    async (title) => {
      const row = rows.find((one) => one.title === title)!
      const here = await LoopsHere.create(row, 1)
      const side = new HostSide(here.map, row)
      for (const operation of row.host) expect(side.time(operation, 20)).toBeGreaterThan(0)
      for (const program of row.programs) expect(here.time(program, 2)).toBeGreaterThan(0)
      for (const operation of row.rings ?? []) expect(await here.timeRing(operation, 2)).toBeGreaterThan(0)
      here.close()
    },
  )

  it('says what it takes', async () => {
    const printed: string[] = []
    const printer = { print: (text: string) => void printed.push(text), progress: () => {} }
    await benchMaps(['--help'], printer)
    expect(printed[0]).toMatch(/npm run bench -- maps/)
    await expect(benchMaps(['--rounds', '0'], printer)).rejects.toThrow('--rounds is 0; give a number from 1')
    await expect(benchMaps(['--only', 'x'], printer)).rejects.toThrow('--only x begins no title')
  })
})
