import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isKernelAvailable, type Kernel, openKernel } from '@skep/linux'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { btfShow } from '../src/kernel/btf.ts'
import { linkCommand } from '../src/kernel/link.ts'
import { mapCommand } from '../src/kernel/map.ts'
import { netCommand } from '../src/kernel/net.ts'
import { progCommand } from '../src/kernel/prog.ts'
import { Words } from '../src/kernel/with-kernel.ts'
import { wideJson } from '../src/wide-json.ts'

// The same words to bpftool and to skep --kernel: the same JSON, field by field.

const available = await isKernelAvailable()
const noKernel = available.ok ? undefined : available.reason
const missing = noKernel ?? (spawnSync('bpftool', ['version']).error ? 'bpftool is not installed' : undefined)
const root = `/sys/fs/bpf/skep-test-${process.pid}`
const object = (name: string): string => fileURLToPath(new URL(`../testdata/${name}.o`, import.meta.url))

const commands = { prog: progCommand, map: mapCommand, link: linkCommand, btf: btfShow, net: netCommand }

describe.skipIf(missing)(`beside bpftool${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
    mkdirSync(root)
    bpftool('prog', 'loadall', object('firewall'), `${root}/progs`, 'pinmaps', `${root}/maps`)
    bpftool(
      'map',
      'update',
      'pinned',
      `${root}/maps/blocked`,
      'key',
      '10',
      '0',
      '0',
      '1',
      'value',
      ...'50000000',
    )
  })
  afterAll(() => {
    kernel?.close()
    rmSync(root, { recursive: true, force: true })
  })

  const bpftool = (...words: string[]): string =>
    execFileSync('bpftool', ['-j', ...words], { encoding: 'utf8' })
  const answers = (text: string): { json: string; text: string } => {
    const [name, ...words] = text.split(' ')
    let given = { json: '', text: '' }
    commands[name as keyof typeof commands](kernel, new Words(name!, words), (json, plain) => {
      given = { json: wideJson(json, false), text: plain() }
    })
    return given
  }
  /** What both say, ours and theirs, of a list while no other process's objects come or go. */
  const settled = (words: string): [ours: string, theirs: string] => {
    for (let before = bpftool(...words.split(' ')); ; ) {
      const { json } = answers(words)
      const after = words.includes('pinned') ? before : bpftool(...words.split(' '))
      if (after === before) return [json, after]
      before = after
    }
  }
  const program = `pinned ${root}/progs/firewall`
  const map = (name: string): string => `pinned ${root}/maps/${name}`
  const key = 'key 10 0 0 1'

  it.each([
    `prog show ${program}`,
    `prog dump xlated ${program} opcodes`,
    `prog dump xlated ${program} linum`,
    'prog show name firewall',
    `map show ${map('blocked')}`,
    `map show ${map('firewall_rodata')}`,
    `map dump ${map('blocked')}`,
    `map dump ${map('traffic')}`,
    `map dump ${map('firewall_rodata')}`,
    `map lookup ${map('blocked')} ${key}`,
    `map lookup ${map('traffic')} key hex 2 0 0 0`,
    `map getnext ${map('blocked')}`,
    'link show',
    'net show',
  ])('skep %s', (words) => {
    const [ourText, theirText] = settled(words)
    const theirs = JSON.parse(theirText)
    // bpftool before 7.4 takes moves of per-CPU addresses for plain ones.
    const ours = JSON.parse(ourText.replaceAll(/&\(void __percpu \*\)\((r\d+)\)/g, '$1'))
    // Seconds since boot are counted by two clocks.
    const same = (one: { loaded_at?: number }, other: { loaded_at?: number }): void => {
      if (one?.loaded_at === undefined || other?.loaded_at === undefined) return
      expect(Math.abs(one.loaded_at - other.loaded_at)).toBeLessThanOrEqual(1)
      one.loaded_at = other.loaded_at
    }
    same(ours, theirs)
    expect(ours).toEqual(theirs)
  })

  // It opens every map of the machine, and the kernel empties a program array whenever its last user has looked at it: with
  // one of two thousand million slots, as a crashed test may leave, that keeps a core busy for minutes.
  const lists = process.env['SKEP_KERNEL_LISTS'] !== undefined
  it.skipIf(!lists)(
    `shows BTF${lists ? '' : ' (skipped: opens all maps of the machine; SKEP_KERNEL_LISTS=1 runs it)'}`,
    () => {
      const id = JSON.parse(answers(`prog show ${program}`).json).btf_id
      // bpftool lists maps in the order of a hash table.
      const sorted = (text: string): object => {
        const btf = JSON.parse(text)
        return { ...btf, map_ids: btf.map_ids.sort() }
      }
      expect(sorted(answers(`btf show id ${id}`).json)).toEqual(sorted(bpftool('btf', 'show', 'id', `${id}`)))
    },
  )

  it('changes maps', () => {
    answers(`map update ${map('blocked')} key 10 0 0 2 value hex ff 0 0 0 0 0 0 0`)
    expect(bpftool('map', 'lookup', 'pinned', `${root}/maps/blocked`, 'key', '10', '0', '0', '2')).toContain(
      '"0xff"',
    )
    answers(`map delete ${map('blocked')} key 10 0 0 2`)
    expect(() => answers(`map delete ${map('blocked')} key 10 0 0 2`)).toThrow(/delete failed/)
    expect(() => answers(`map update ${map('blocked')} key 1 value 1`)).toThrow(/key has 1 bytes/)
    expect(answers(`map lookup ${map('blocked')} key 9 9 9 9`)).toMatchObject({ json: 'null' })
    process.exitCode = 0
  })

  it('says the same in plain text', () => {
    for (const words of [
      `prog show ${program}`,
      `map show ${map('blocked')}`,
      `map lookup ${map('blocked')} ${key}`,
    ]) {
      const plain = execFileSync('bpftool', words.split(' '), { encoding: 'utf8' })
      // bpftool aligns nothing differently but for the clock.
      const still = (text: string): string => text.trim().replace(/loaded_at \S+/, '')
      expect(still(answers(words).text)).toBe(still(plain))
    }
  })
})
