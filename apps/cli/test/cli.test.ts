import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { conformance, skep, testdata } from './run-skep.ts'

const scratch = mkdtempSync(join(tmpdir(), 'skep-cli-'))
const file = (name: string, contents: string | Uint8Array): string => {
  const path = join(scratch, name)
  writeFileSync(path, contents)
  return path
}
const has = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0
const firewall = testdata('firewall.o')
const traffic = testdata('traffic.pcap')

describe('skep explain', () => {
  it('tells the path to a refusal, status 1', () => {
    const { status, stdout } = skep(['explain', testdata('refused_bounds.o')])
    expect(status).toBe(1)
    expect(stdout).toContain('PACKET_OUT_OF_BOUNDS: ')
    expect(stdout).toContain('How it came to this')
    expect(stdout).toContain('docs/reference/refusals/PACKET_OUT_OF_BOUNDS.md')
  })

  it('has nothing to say of what is accepted', () => {
    const { status, stdout } = skep(['explain', firewall])
    expect(status).toBe(0)
    expect(stdout).toContain('firewall is accepted')
  })

  it('answers with JSON', () => {
    const { programs } = JSON.parse(
      skep(['explain', '--json', testdata('refused_null.o'), 'refused_null']).stdout,
    )
    expect(programs[0]).toMatchObject({ name: 'refused_null', code: 'POINTER_MAYBE_NULL' })
    expect(programs[0].path.map((step: { kind: string }) => step.kind)).toEqual(['result', 'failure'])
  })

  it('takes programs as JSON lines', () => {
    const row = { name: 'bad', type: 'xdp', insns: '9500000000000000' }
    const { stdout } = skep(['explain', '--jsonl'], JSON.stringify(row))
    expect(JSON.parse(stdout)).toMatchObject({ name: 'bad', code: 'UNINITIALIZED_REGISTER' })
  })

  it('explains a line of any log', () => {
    const { status, stdout } = skep(['explain', '--line', 'R3 !read_ok'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^UNINITIALIZED_REGISTER: r3 is read/)
  })

  it('needs a program', () => {
    expect(skep(['explain']).status).toBe(2)
    expect(skep(['explain', firewall, 'nobody']).status).toBe(2)
  })
})

describe('skep verify', () => {
  it('accepts the firewall', () => {
    const { status, stdout } = skep(['verify', firewall])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^firewall +xdp +xdp +accept +\d+$/m)
  })

  it('refuses with the decisive line and the line of C, status 1', () => {
    const { status, stderr } = skep(['verify', testdata('refused_null.o')])
    expect(status).toBe(1)
    expect(stderr).toContain("refused_null refused: R0 invalid mem access 'map_value_or_null'")
    expect(stderr).toMatch(/at refused_null\.bpf\.c:\d+: \*count \+= 1;/)
  })

  it('tells the kind of refusal and the fact in a sentence', () => {
    const { stderr } = skep(['verify', testdata('refused_null.o')])
    expect(stderr).toContain('POINTER_MAYBE_NULL: r0 is a map value or NULL')
    const json = JSON.parse(skep(['verify', '--json', testdata('refused_null.o')]).stdout)
    expect(json.programs[0]).toMatchObject({ code: 'POINTER_MAYBE_NULL', insn: 7 })
  })

  it('prints the whole log on demand', () => {
    const { stdout } = skep(['verify', '--log', testdata('refused_null.o')])
    expect(stdout).toContain('0: R1=ctx() R10=fp0')
    expect(stdout).toMatch(/processed \d+ insns \(limit 1000000\)/)
  })

  it('answers with JSON, one object for one file and a list for several', () => {
    const one = JSON.parse(skep(['verify', '--json', firewall]).stdout)
    expect(one.programs[0]).toMatchObject({
      name: 'firewall',
      section: 'xdp',
      type: 'xdp',
      verdict: 'accept',
    })
    const several = JSON.parse(skep(['verify', '--json', firewall, testdata('refused_loop.o')]).stdout)
    expect(several.map((f: { programs: { verdict: string }[] }) => f.programs[0]!.verdict)).toEqual([
      'accept',
      'reject',
    ])
  })

  it('takes folders', () => {
    const { stdout } = skep(['verify', '--json', testdata('')])
    const paths: string[] = JSON.parse(stdout).map(({ file }: { file: string }) => file)
    expect(paths).toContain(testdata('firewall.o'))
    expect(paths).toContain(testdata('refused_null.o'))
    expect(paths).toEqual([...paths].sort())
  })

  it('refuses every program of an object whose map cannot be made', () => {
    const bytes = readFileSync(testdata('legacy_maps.nodebug.o'))
    // max_entries of the first definition.
    const at = bytes.indexOf(Buffer.from(Uint32Array.of(4, 8).buffer))
    bytes.writeUInt32LE(0, at + 8)
    const { status, stderr } = skep(['verify', file('no_entries.o', bytes)])
    expect(status).toBe(1)
    expect(stderr).toMatch(/refused: map \w+ cannot be made: EINVAL: max_entries is 0; .* \(EINVAL\)/)
  })

  it('answers a line for a line and never stops at a bad one', () => {
    const good = { name: 'good', type: 'xdp', insns: 'b7000000020000009500000000000000' }
    const bad = { name: 'bad', type: 6, insns: '9500000000000000' }
    const input = [JSON.stringify(good), '{', '[]', '{"type":6,"insns":"b"}', JSON.stringify(bad)].join('\n')
    const { status, stdout } = skep(['verify', '--jsonl'], input)
    expect(status).toBe(0)
    const answers = stdout
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l))
    expect(answers.map((a) => a.verdict ?? a.error.code)).toEqual([
      'accept',
      'BAD_JSON',
      'BAD_ROW',
      'BAD_ROW',
      'reject',
    ])
    expect(answers[4]).toMatchObject({ name: 'bad', errno: 'EACCES', line: 'R0 !read_ok', processed: 1 })
  })
})

describe('skep run', () => {
  it('runs the firewall over the capture: verdicts, maps, printed lines, the same on both engines', () => {
    const args = ['run', firewall, '--pcap', traffic, '--map', 'blocked=c0000242:0000000000000000', '--json']
    const [jit, interpreter] = ['jit', 'interpreter'].map((e) =>
      JSON.parse(skep([...args, '--engine', e]).stdout),
    )
    expect(jit.stats).toEqual(interpreter.stats)
    expect(jit.maps).toEqual(interpreter.maps)
    expect(jit.verdicts).toEqual(interpreter.verdicts)
    expect(jit.printed).toEqual(['firewall: blocked 192.0.2.66'])
    expect(jit.stats.dropped).toBeGreaterThan(100)
  })

  it('writes what passes to a capture that a later run reads', () => {
    const out = join(scratch, 'passed.pcap')
    const first = JSON.parse(skep(['run', firewall, '--pcap', traffic, '-w', out, '--json']).stdout)
    const second = JSON.parse(skep(['run', firewall, '--pcap', out, '--json']).stdout)
    expect(second.stats).toMatchObject({ packets: first.stats.passed, dropped: 0 })
  })

  it('sets globals', () => {
    const run = (...set: string[]): number =>
      JSON.parse(skep(['run', firewall, '--pcap', traffic, '--json', ...set]).stdout).stats.dropped
    expect(run('--set', 'block_echo_requests=true')).toBeGreaterThan(run())
  })

  it('test-runs JSON lines on either engine', () => {
    const row = { name: 'two', type: 'xdp', insns: 'b7000000020000009500000000000000', data: '00'.repeat(20) }
    for (const engine of ['jit', 'interpreter']) {
      const { stdout } = skep(['run', '--jsonl', '--engine', engine], JSON.stringify(row))
      expect(JSON.parse(stdout)).toEqual({ name: 'two', retval: 2, data_out: row.data })
    }
  })

  it('verifies rows that say so as for a loader without CAP_PERFMON', () => {
    // r0 = r1; exit
    const row = { name: 'leak', type: 'socket_filter', insns: 'bf100000000000009500000000000000' }
    const rows = [row, { ...row, unprivileged: true }].map((r) => JSON.stringify(r)).join('\n')
    const [trusted, untrusted] = skep(['run', '--jsonl'], rows).stdout.trim().split('\n')
    expect(JSON.parse(trusted!)).toHaveProperty('retval')
    expect(JSON.parse(untrusted!).error.message).toContain('R0 leaks addr as return value')
  })
})

describe('skep disasm', () => {
  it('shows the C source', () => {
    const { stdout } = skep(['disasm', '-S', firewall])
    expect(stdout).toContain('; struct cursor cursor = { .at = xdp_data(ctx), .end = xdp_data_end(ctx) };')
  })

  const objdump = 'llvm-objdump-19'
  it.skipIf(!has(objdump))(`prints what llvm-objdump -d prints (skipped where ${objdump} is absent)`, () => {
    const plain = (text: string): string[] =>
      text
        .split('\n')
        .slice(2)
        .map((l) => l.replaceAll(/\s+/g, ' '))
    for (const object of [
      'firewall.v1.o',
      'firewall.o',
      'firewall.v4.o',
      'cpu_v4.o',
      'atomics.o',
      'bpf2bpf.o',
    ]) {
      const theirs = execFileSync(objdump, ['-d', testdata(object)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      expect(plain(skep(['disasm', testdata(object)]).stdout), object).toEqual(plain(theirs))
    }
  })
})

describe('skep asm', () => {
  it('assembles both syntaxes', () => {
    expect(skep(['asm', '-'], 'r0 = 2\nexit').stdout).toBe('b700000002000000\n9500000000000000\n')
    expect(skep(['asm', '-'], 'mov r0, 2\nexit').stdout).toBe('b700000002000000\n9500000000000000\n')
  })

  it('points at the word', () => {
    const { status, stderr } = skep(['asm', '-'], 'r0 = 2\nr1 = r99')
    expect(status).toBe(1)
    expect(stderr).toContain('line 2, column 6')
  })
})

describe('skep-conformance', () => {
  it.each(['interpreter', 'jit'])('speaks the plugin protocol on %s', (engine) => {
    // ldxdw r0, [r1]; exit
    const { status, stdout } = conformance(
      ['0102030405060708', '--engine', engine],
      '79 10 00 00 00 00 00 00\n9500000000000000',
    )
    expect({ status, stdout }).toEqual({ status: 0, stdout: '807060504030201\n' })
  })
})

describe('bad input', () => {
  const object = readFileSync(firewall)
  const capture = readFileSync(traffic)
  const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
    const copy = Uint8Array.from(bytes)
    copy[at] = copy[at]! ^ 0xff
    return copy
  }
  const cases: readonly (readonly [name: string, args: readonly string[], says: RegExp])[] = [
    ['no object', ['verify', join(scratch, 'none.o')], /none\.o: no such file \[ENOENT\]/],
    ['an empty object', ['verify', file('empty.o', '')], /\[UNKNOWN_FORMAT\]/],
    ['a truncated object', ['verify', file('cut.o', object.subarray(0, 2000))], /offset \d+.*\[TRUNCATED\]/],
    ['a big-endian object', ['verify', file('eb.o', flipped(object, 5))], /offset 5/],
    [
      'an object for another machine',
      ['verify', file('machine.o', flipped(object, 18))],
      /not BPF.*offset 18/,
    ],
    ['no capture', ['run', firewall, '--pcap', file('text.pcap', 'no capture at all')], /PCAP_MAGIC/],
    [
      'a truncated capture',
      ['run', firewall, '--pcap', file('cut.pcap', capture.subarray(0, 1001))],
      /offset|at byte/,
    ],
    [
      'an unknown global',
      ['run', firewall, '--pcap', traffic, '--set', 'port=1'],
      /no global variable "port"/,
    ],
    ['an unknown map', ['run', firewall, '--pcap', traffic, '--map', 'm=00:00'], /no map "m"/],
  ]
  it.each(cases)('%s: status 1 and a reason with the place', (_, args, says) => {
    const { status, stderr } = skep(args)
    expect(stderr).toMatch(says)
    expect(stderr).not.toMatch(/^\s+at .*\.js:\d+/m)
    expect(status).toBe(1)
  })

  it('names the file that it is about', () => {
    for (const args of [
      ['verify', testdata('traffic.pcap')],
      ['disasm', testdata('traffic.pcap')],
      ['run', testdata('firewall.o'), '--pcap', testdata('verdicts.json')],
      ['disasm', testdata('.')],
    ]) {
      const { status, stderr } = skep(args)
      expect([status, stderr.split('\n').length]).toEqual([1, 2])
      expect(stderr).toContain(`skep: ${args.at(-1)}: `)
    }
    const odd = skep([
      'run',
      testdata('firewall.o'),
      '--pcap',
      testdata('traffic.pcap'),
      '--map',
      'blocked=zz:11',
    ])
    expect([odd.status, odd.stderr]).toEqual([2, 'skep: --map takes pairs of hex digits, not "zz" [USAGE]\n'])
  })

  it('answers rows that are too large or too deep with a typed error', () => {
    const insns = 'b7000000020000009500000000000000'
    const map = '{"type":"array","key_size":4,"value_size":4,"max_entries":1,"inner":'
    const rows = [
      JSON.stringify({ type: 'xdp', insns, data: '00'.repeat(5_000_000) }),
      `{"type":"xdp","insns":"${insns}","maps":[${map.repeat(5000)}null${'}'.repeat(5000)}]}`,
      `{"type":"xdp","insns":"${insns}","__proto__":{"license":7}}`,
    ]
    const answers = skep(['run', '--jsonl'], rows.join('\n')).stdout.trimEnd().split('\n')
    expect(answers.map((line) => JSON.parse(line).error?.code)).toEqual([
      'BAD_TEST_RUN',
      'BAD_ROW',
      undefined,
    ])
  })

  it('wrong usage: status 2', () => {
    expect(skep(['verify']).status).toBe(2)
    expect(skep(['verfy']).stderr).toContain('Did you mean verify?')
    expect(skep(['run', firewall]).status).toBe(2)
    expect(skep(['run', firewall, '--pcap', traffic, '--engine', 'v8']).status).toBe(2)
    expect(skep(['run', testdata('pass_drop.o'), '--pcap', traffic]).stderr).toContain(
      'choose with --program: pass, drop, pass_tcp',
    )
  })
})

describe('skep demo', () => {
  it('shows verdicts, blocked sources and equal engines', () => {
    const { status, stdout } = skep(['demo'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^TCP +1321/m)
    expect(stdout).toMatch(/^192\.0\.2\.66 +\d+$/m)
    expect(stdout).toMatch(/Both engines gave the same [\d,]+ verdicts\./)
  })
})
