import {
  createPlatform,
  definePlugin,
  defineProgramType,
  type Platform,
  type SectionDef,
} from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { sectionMeaning } from './sections.ts'

const type = (name: string, id: number, sections: readonly SectionDef[], tracing = false) =>
  defineProgramType({ name, id, context: { kind: 'raw', name, size: 8 }, sections, tracing })

const platform: Platform = createPlatform([
  definePlugin({
    name: 'test',
    programTypes: [
      type('xdp', 6, [
        { name: 'xdp', attachType: 'xdp' },
        { name: 'xdp.frags', attachType: 'xdp', flags: 0x20 },
        { name: 'xdp/devmap', attachType: 'xdp_devmap' },
      ]),
      type(
        'kprobe',
        2,
        [
          { name: 'kprobe', prefix: true },
          { name: 'kprobe.multi', prefix: true, attachType: 'trace_kprobe_multi' },
        ],
        true,
      ),
      type('tracing', 26, [{ name: 'fentry/', prefix: true, attachType: 'trace_fentry' }], true),
    ],
  }),
])

describe('sectionMeaning', () => {
  it.each([
    ['xdp', { section: 'xdp', type: 'xdp', attachType: 'xdp', autoload: true }],
    ['?xdp.frags', { section: 'xdp.frags', type: 'xdp', attachType: 'xdp', flags: 0x20, autoload: false }],
    ['xdp/devmap', { section: 'xdp/devmap', type: 'xdp', attachType: 'xdp_devmap', autoload: true }],
    ['kprobe', { section: 'kprobe', type: 'kprobe', autoload: true }],
    [
      'kprobe/do_unlinkat',
      { section: 'kprobe/do_unlinkat', type: 'kprobe', attachTo: 'do_unlinkat', autoload: true },
    ],
    [
      'kprobe.multi/a*',
      {
        section: 'kprobe.multi/a*',
        type: 'kprobe',
        attachType: 'trace_kprobe_multi',
        attachTo: 'a*',
        autoload: true,
      },
    ],
    [
      'fentry/tcp_connect',
      {
        section: 'fentry/tcp_connect',
        type: 'tracing',
        attachType: 'trace_fentry',
        attachTo: 'tcp_connect',
        autoload: true,
      },
    ],
    ['fentry', { section: 'fentry', type: undefined, autoload: true }],
    ['xdp_drop', { section: 'xdp_drop', type: 'xdp', attachType: 'xdp', autoload: true, loose: 'xdp' }],
    ['xdp/tail', { section: 'xdp/tail', type: 'xdp', attachType: 'xdp', autoload: true, loose: 'xdp' }],
    ['my_xdp', { section: 'my_xdp', type: undefined, autoload: true }],
    ['kprobes', { section: 'kprobes', type: undefined, autoload: true }],
    ['kprobes', { section: 'kprobes', type: undefined, autoload: true }],
    ['', { section: '', type: undefined, autoload: true }],
  ])('%j', (name, meaning) => {
    expect(sectionMeaning(name, platform)).toEqual(meaning)
  })

  it.each([
    ['xdp', 'xdp'],
    ['xdp.frags/devmap', 'xdp'],
    ['tracepoint/syscalls/sys_enter_open', 'tracepoint'],
    ['?cgroup_skb/egress', 'cgroup_skb'],
  ])('without a platform %j is of type %j', (name, expected) => {
    expect(sectionMeaning(name, undefined).type).toBe(expected)
  })
})
