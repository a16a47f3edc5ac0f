import { describe, expect, it } from 'vitest'
import {
  formatAction,
  formatClassid,
  formatProgram,
  parseBpfWords,
  parseClassid,
  parseGraftWords,
} from './index.ts'

const words = (text: string) => parseBpfWords(text.split(' ').filter((word) => word !== ''))
const object = (file: string, more: object = {}) => ({ mode: 'object', file, ...more })

describe('the words of a bpf filter', () => {
  it.each([
    ['da obj a.o sec x', { directAction: true, program: { source: object('a.o', { section: 'x' }) } }],
    ['obj a.o da classid 1:a', { directAction: true, classid: 0x1_000a, program: { source: object('a.o') } }],
    [
      'object-file a.o program p exp /s verb',
      { program: { source: object('a.o', { program: 'p' }), export: '/s', verbose: true } },
    ],
    ['run obj a.o skip_hw', { skipHw: true }],
    [
      'pinned m:globals/p direct',
      { directAction: true, program: { source: { mode: 'pinned', path: 'm:globals/p' } } },
    ],
    [
      'bc 1,6,0,0,0, flowid 1:',
      { classid: 0x1_0000, program: { source: { mode: 'bytecode', text: '1,6,0,0,0,' } } },
    ],
    ['bytecode-file f', { program: { source: { mode: 'bytecode-file', file: 'f' } } }],
    ['obj a.o action drop', { actions: [{ kind: 'gact', verdict: 2 }] }],
    [
      'obj a.o action mirred egress mirror dev v1 action bpf obj b.o sec y continue action goto chain 3',
      {
        actions: [
          { kind: 'mirred', direction: 'egress', action: 'mirror', dev: 'v1' },
          {
            kind: 'bpf',
            otherwise: -1,
            program: { type: 'sched_act', source: object('b.o', { section: 'y' }) },
          },
          { kind: 'gact', chain: 3 },
        ],
      },
    ],
    ['da', { directAction: true, program: undefined }],
  ])('%s', (text, expected) => expect(words(text)).toMatchObject(expected))

  it.each([
    ['da obj', 'Command line is not complete. Try option "help"'],
    ['obj a.o sec x foo', 'What is "foo"?'],
    ['foo', 'What mode is "foo"?'],
    ['da classid zz', 'Illegal "classid"'],
    ['obj a.o action', 'Command line is not complete. Try option "help"'],
    ['obj a.o action nonsense', 'Illegal "action"'],
    ['obj a.o action mirred up', 'Illegal "action"'],
    ['obj a.o police rate 1', 'Illegal "police"'],
  ])('%s is refused', (text, says) =>
    expect(() => words(text)).toThrow(expect.objectContaining({ name: 'TcError', code: 'BAD_WORDS', says })),
  )

  it('prints what it read', () => {
    const { actions, program } = words(
      'obj /x/a.o sec y action mirred egress redirect dev v action bpf bc 1,6,',
    )
    expect(actions.map(formatAction)).toEqual(['mirred egress redirect dev v', "bpf bytecode '1,6,' pipe"])
    expect(formatProgram(program!)).toBe('a.o:[y]')
  })

  it('graft has a map, a key and a program', () => {
    expect(parseGraftWords('m:globals/j key 0x10 obj a.o type act sec b'.split(' '))).toMatchObject({
      map: 'm:globals/j',
      key: 16,
      program: { type: 'sched_act', source: object('a.o', { section: 'b' }) },
    })
    expect(parseGraftWords(['m', 'pinned', 'p']).key).toBeUndefined()
    expect(() => parseGraftWords(['m', 'key', 'x', 'obj', 'a.o'])).toThrow('Illegal "key"')
    expect(() => parseGraftWords(['m', 'obj', 'a.o', 'type', 'no'])).toThrow('What type is "no"?')
  })

  it('class ids are hexadecimal', () => {
    for (const [text, id, back] of [
      ['1:2a', 0x1_002a, '1:2a'],
      ['ffff:', 0xffff_0000, 'ffff:'],
      [':1', 1, ':1'],
      ['10', 16, ':10'],
      ['root', 0xffff_ffff, 'root'],
      ['none', 0, 'none'],
    ] as const) {
      expect(parseClassid(text)).toBe(id)
      expect(formatClassid(id)).toBe(back)
    }
    for (const text of ['zz', '', '1:10000', '12345:1', '1:2:3']) expect(parseClassid(text)).toBeUndefined()
  })
})
