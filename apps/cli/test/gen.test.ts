import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { skep, testdata } from './run-skep.ts'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const loaderObject = (name: string): string => path(`../../../packages/loader-elf/testdata/${name}`)
const btfData = (name: string): string => path(`../../../packages/btf/testdata/${name}`)
const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'skep-gen-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const good = (args: readonly string[]): string => {
  const { status, stdout, stderr } = skep(args)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout
}

describe('skep btf dump', () => {
  it.each(['raw', 'json', 'c'])('prints what bpftool 7.1 prints, as %s', (format) => {
    const out = good(['btf', 'dump', 'file', btfData('types.btf'), 'format', format])
    if (format === 'raw') expect(out).toBe(readFileSync(btfData('types.txt'), 'utf8'))
    if (format === 'json') expect(out).toBe(readFileSync(btfData('types.json'), 'utf8'))
    if (format === 'c') {
      // Enums of a byte have no attribute in bpftool 7.1.
      const plain = out.replaceAll(' __attribute__((mode(byte)))', '')
      expect(plain).toContain(readFileSync(btfData('types.h'), 'utf8').trim())
      expect(out).toMatch(/^#ifndef __VMLINUX_H__\n[\s\S]*\n#endif \/\* __VMLINUX_H__ \*\/\n$/)
    }
  })

  it('takes objects, and fewer words', () => {
    const object = loaderObject('maps.o')
    expect(good(['btf', 'dump', object])).toBe(good(['btf', 'dump', 'file', object, 'format', 'raw']))
    expect(JSON.parse(good(['btf', 'dump', '-p', object]))).toEqual(
      JSON.parse(good(['btf', 'dump', '-j', object])),
    )
  })

  it('refuses what has no types, and words that it does not know', () => {
    expect(skep(['btf', 'dump', testdata('traffic.pcap')]).stderr).toContain('[BAD_MAGIC]')
    expect(skep(['btf', 'dump', testdata('pass_drop.nodebug.o')])).toMatchObject({ status: 1 })
    const wrong = skep(['btf', 'dump', loaderObject('maps.o'), 'format', 'cpp'])
    expect(wrong).toMatchObject({ status: 2 })
    expect(wrong.stderr).toContain('no format cpp; there are: c, raw, json')
  })
})

describe('skep gen object', () => {
  it('links objects to one that loads as that of bpftool', () => {
    const out = join(folder, 'linked.o')
    good(['gen', 'object', out, loaderObject('linked_a.o'), loaderObject('linked_b.o')])
    const verdicts = (file: string): unknown => {
      const { programs } = JSON.parse(skep(['verify', '--json', file]).stdout) as { programs: unknown }
      return programs
    }
    expect(verdicts(out)).toEqual(verdicts(loaderObject('linked.o')))
    expect(skep(['verify', loaderObject('linked_a.o')]).stderr).toContain('BAD_EXTERN')
  })

  it('names the object that is wrong', () => {
    const { status, stderr } = skep(['gen', 'object', join(folder, 'x.o'), testdata('traffic.pcap')])
    expect(status).toBe(1)
    expect(stderr).toContain('traffic.pcap: the file does not begin with the ELF magic')
    expect(skep(['gen', 'object', join(folder, 'x.o')]).status).toBe(2)
  })
})

const USE = `
import { loadFirewall, type share } from './firewall.ts'
import { createRuntime } from '@skep/runtime'

const runtime = await createRuntime()
const firewall = await loadFirewall(runtime, { globals: { blocked_udp_port: 53, block_echo_requests: true } })
firewall.maps.blocked.set(0x0100007f, 7n)
const hits: bigint | undefined = firewall.maps.blocked.get(0x0100007f)
const all: readonly bigint[] = firewall.maps.traffic.get(1)!.map((one) => one.packets + one.dropped)
const first: share = { since: 1n, packets: 2n }
firewall.maps.shares.set(9, first)
const drop: number = firewall.programs.firewall.testRun({ data: new Uint8Array(64) }).retval
export const seen = [
  hits, all, firewall.maps.shares.get(9), firewall.globals.blocked_udp_port.get(),
  firewall.globals.block_echo_requests.get(), drop,
]
firewall.close()
runtime.close()
`
const MISUSE = `
import { loadFirewall, type FirewallHandles } from './firewall.ts'
import type { Program } from '@skep/runtime'

export const wrong = (firewall: FirewallHandles): unknown => {
  // @ts-expect-error: values are bigints
  firewall.maps.blocked.set(1, 7)
  // @ts-expect-error: no such map
  firewall.maps.blocks
  // @ts-expect-error: no such member
  firewall.maps.shares.get(1)?.until
  // @ts-expect-error: a program of another type
  const tc: Program<'tc'> = firewall.programs.firewall
  // @ts-expect-error: a number
  firewall.globals.blocked_udp_port.set('53')
  // @ts-expect-error: no such global
  return [tc, loadFirewall(undefined as never, { globals: { port: 1 } })]
}
`

describe('skep gen types', () => {
  it('writes a module that tsc takes, whose types hold, and that loads', async () => {
    const project = join(folder, 'types')
    mkdirSync(join(project, 'node_modules/@skep'), { recursive: true })
    symlinkSync(path('../../../packages/runtime'), join(project, 'node_modules/@skep/runtime'))
    good(['gen', 'types', testdata('firewall.o'), '-o', join(project, 'firewall.ts')])
    good(['gen', 'types', loaderObject('maps.o'), '-o', join(project, 'maps.ts')])
    good(['gen', 'types', loaderObject('linked.o'), '-o', join(project, 'linked.ts')])
    good(['gen', 'types', loaderObject('data.nodebug.o'), '-o', join(project, 'untyped.ts')])
    writeFileSync(join(project, 'use.ts'), USE)
    // Of DOM and Node this is all that a module needs.
    writeFileSync(join(project, 'atob.d.ts'), 'declare function atob(text: string): string\n')
    writeFileSync(join(project, 'misuse.ts'), MISUSE)
    const options = {
      target: 'ES2022',
      module: 'NodeNext',
      lib: ['ES2022', 'ESNext.Disposable'],
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      verbatimModuleSyntax: true,
      skipLibCheck: true,
      rewriteRelativeImportExtensions: true,
      types: [],
      outDir: 'out',
    }
    writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }))
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, include: ['*.ts'] }),
    )
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' })
    expect(stdout).toBe('')
    expect(status).toBe(0)
    const { seen } = (await import(pathToFileURL(join(project, 'out/use.js')).href)) as { seen: unknown[] }
    expect(seen[0]).toBe(7n)
    expect(seen.slice(2)).toEqual([{ since: 1n, packets: 2n }, 53, true, 2])
  }, 60_000)

  it('refuses names that are none', () => {
    expect(skep(['gen', 'types', testdata('firewall.o'), '--name', '1-2'])).toMatchObject({ status: 2 })
  })
})

const PLUGIN = `
export const acme = {
  name: 'acme',
  helpers: [{
    name: 'acme_mix', id: 0x10001, args: [{ kind: 'anything', js: 'u64' }, { kind: 'mem', access: 'read', uninit: false }, { kind: 'const_size' }],
    returns: { kind: 'integer', js: 'u32' }, programTypes: ['acme_event'], call: () => 0,
  }],
  programTypes: [{
    name: 'acme_event', id: 1001, verdicts: { 0: 'ACME_PASS', 1: 'ACME_STOP' }, sections: [{ name: 'acme' }],
    context: { kind: 'struct', name: 'acme_event', size: 40, fields: [
      { name: 'kind', offset: 0, size: 4 },
      { name: 'body', offset: 8, size: 8, pointer: 'packet' },
      { name: 'body_end', offset: 16, size: 8, pointer: 'packet_end' },
      { name: 'words', offset: 24, size: 12, unit: 4 },
      { name: 'flag', offset: 36, size: 1 },
    ] },
  }],
}
`

describe('skep gen header', () => {
  const compile = (source: string, include: string): string => {
    const args = [
      '-target',
      'bpf',
      '-O2',
      '-Wall',
      '-Werror',
      '-nostdinc',
      `-I${include}`,
      '-c',
      '-x',
      'c',
      '-',
      '-o',
      '-',
    ]
    const { stderr } = spawnSync('clang-19', args, { input: source, maxBuffer: 1 << 24 })
    return stderr.toString()
  }

  /** The types of linux/types.h, which the compiler is not given. */
  const types = (): void => {
    mkdirSync(join(folder, 'linux'), { recursive: true })
    const text = [
      ['__u8', 'unsigned char'],
      ['__u16', 'unsigned short'],
      ['__u32', 'unsigned int'],
      ['__u64', 'unsigned long long'],
      ['__s32', 'int'],
      ['__s64', 'long long'],
      ['__be16', '__u16'],
      ['__be32', '__u32'],
    ].map(([name, type]) => `typedef ${type} ${name};\n`)
    writeFileSync(join(folder, 'linux/types.h'), text.join(''))
  }

  it('writes the context of a plugin’s hook, with its verdicts and helpers', () => {
    const plugin = join(folder, 'acme.mjs')
    writeFileSync(plugin, PLUGIN)
    const header = good(['gen', 'header', 'acme_event', '--plugin', plugin])
    expect(header).toContain('\t__u32 words[3];\n')
    expect(header).toContain('ACME_STOP = 1,')
    expect(header).toContain('static __u32 (*const acme_mix)(__u64, const void *, __u32) = (void *)65537;')
    if (!has('clang-19')) return
    types()
    writeFileSync(join(folder, 'acme_event.h'), header)
    const source = `#include "acme_event.h"
__attribute__((section("acme"), used)) int p(struct acme_event *ctx)
{
	if ((char *)ctx->body + 4 > (char *)ctx->body_end)
		return ACME_STOP;
	return acme_mix(ctx->words[2], ctx->body, 4) + ctx->flag ? ACME_PASS : ACME_STOP;
}
`
    expect(compile(source, folder)).toBe('')
  })

  it('says why there is none', () => {
    const { status, stderr } = skep(['gen', 'header', 'lsm'])
    expect(status).toBe(1)
    expect(stderr).toContain('include vmlinux.h')
  })
})
