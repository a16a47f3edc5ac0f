import { ACCESS, FACT } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { FactCollector } from './facts.ts'
import {
  PTR_MAYBE_NULL,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
} from './reg-type.ts'

describe('facts of a program', () => {
  it('are nothing where nothing was noted', () => {
    expect(new FactCollector(2).finish([0], [8])).toEqual({
      reachable: Uint8Array.of(0, 0),
      access: Uint8Array.of(ACCESS.unknown, ACCESS.unknown),
      callMap: Int32Array.of(-1, -1),
      callback: Int32Array.of(-1, -1),
      flags: Uint8Array.of(0, 0),
      subprograms: [0],
      stackDepth: [8],
    })
  })

  it('say what each kind of pointer is into, and when paths differ', () => {
    const kinds: readonly (readonly [number, number])[] = [
      [PTR_TO_CTX, ACCESS.ctx],
      [PTR_TO_STACK, ACCESS.stack],
      [PTR_TO_PACKET, ACCESS.packet],
      [PTR_TO_PACKET_META, ACCESS.packet],
      [PTR_TO_MAP_VALUE, ACCESS.map_value],
      [PTR_TO_MAP_KEY, ACCESS.mem],
      [PTR_TO_MEM, ACCESS.mem],
      [PTR_TO_BUF, ACCESS.mem],
      [PTR_TO_FLOW_KEYS, ACCESS.mem],
      [PTR_TO_BTF_ID, ACCESS.btf],
      [PTR_TO_SOCKET, ACCESS.btf],
      [PTR_TO_ARENA, ACCESS.arena],
    ]
    const facts = new FactCollector(kinds.length + 1)
    for (const [i, [type]] of kinds.entries()) {
      facts.noteAccess(i, type)
      facts.noteAccess(i, type | PTR_MAYBE_NULL)
    }
    for (const type of [PTR_TO_STACK, PTR_TO_CTX, PTR_TO_CTX]) facts.noteAccess(kinds.length, type)
    expect([...facts.finish([], []).access]).toEqual([...kinds.map(([, kind]) => kind), ACCESS.mixed])
  })

  it('say which map a call has, if always the same', () => {
    const facts = new FactCollector(4)
    facts.noteCallMap(0, 3)
    facts.noteCallMap(1, 3)
    facts.noteCallMap(1, 3)
    facts.noteCallMap(2, 3)
    facts.noteCallMap(2, 1)
    facts.noteCallMap(2, 1)
    expect([...facts.finish([], []).callMap]).toEqual([3, 3, -1, -1])
  })

  it('say which jumps go one way only', () => {
    const facts = new FactCollector(4)
    facts.noteBranch(0, 1)
    facts.noteBranch(0, 1)
    facts.noteBranch(1, 2)
    facts.noteBranch(2, 1)
    facts.noteBranch(2, 2)
    expect([...facts.finish([], []).flags]).toEqual([FACT.alwaysTaken, FACT.neverTaken, 0, 0])
  })
})
