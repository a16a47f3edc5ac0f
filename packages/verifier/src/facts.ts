import { ACCESS, FACT, type ProgramFacts } from '@skep/registry'
import {
  baseType,
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
  PTR_TO_STACK,
} from './reg-type.ts'

const ACCESS_OF: Readonly<Record<number, number>> = {
  [PTR_TO_CTX]: ACCESS.ctx,
  [PTR_TO_STACK]: ACCESS.stack,
  [PTR_TO_PACKET]: ACCESS.packet,
  [PTR_TO_PACKET_META]: ACCESS.packet,
  [PTR_TO_MAP_VALUE]: ACCESS.map_value,
  [PTR_TO_MAP_KEY]: ACCESS.mem,
  [PTR_TO_MEM]: ACCESS.mem,
  [PTR_TO_BUF]: ACCESS.mem,
  [PTR_TO_FLOW_KEYS]: ACCESS.mem,
  [PTR_TO_BTF_ID]: ACCESS.btf,
  [PTR_TO_ARENA]: ACCESS.arena,
}

const UNSET = -2

/** Gathers what engines may rely on while the program is walked: see ProgramFacts. */
export class FactCollector {
  readonly reachable: Uint8Array
  readonly access: Uint8Array
  readonly callMap: Int32Array
  readonly callback: Int32Array
  readonly #taken: Uint8Array
  readonly #bufferAccess = { rdonly: 0, rdwr: 0 }

  constructor(length: number) {
    this.reachable = new Uint8Array(length)
    this.access = new Uint8Array(length)
    this.callMap = new Int32Array(length).fill(UNSET)
    this.callback = new Int32Array(length).fill(-1)
    this.#taken = new Uint8Array(length)
  }

  noteAccess(insn: number, type: number): void {
    const kind = ACCESS_OF[baseType(type)] ?? ACCESS.btf
    const before = this.access[insn]
    this.access[insn] = before === ACCESS.unknown || before === kind ? kind : ACCESS.mixed
  }

  /** Bytes of a buffer up to `end` are reached. */
  noteBuffer(kind: 'rdonly' | 'rdwr', end: number): void {
    this.#bufferAccess[kind] = Math.max(this.#bufferAccess[kind], end)
  }

  noteCallMap(insn: number, map: number): void {
    const before = this.callMap[insn]
    this.callMap[insn] = before === UNSET || before === map ? map : -1
  }

  /** A conditional jump was followed: bit 0 the target, bit 1 the next instruction. */
  noteBranch(insn: number, ways: number): void {
    this.#taken[insn]! |= ways
  }

  finish(subprograms: readonly number[], stackDepth: readonly number[]): ProgramFacts {
    const flags = new Uint8Array(this.reachable.length)
    for (let i = 0; i < flags.length; i++) {
      if (this.#taken[i] === 1) flags[i]! |= FACT.alwaysTaken
      if (this.#taken[i] === 2) flags[i]! |= FACT.neverTaken
      if (this.callMap[i] === UNSET) this.callMap[i] = -1
    }
    const { rdonly, rdwr } = this.#bufferAccess
    return {
      ...(rdonly > 0 || rdwr > 0 ? { bufferAccess: { rdonly, rdwr } } : {}),
      reachable: this.reachable,
      access: this.access,
      callMap: this.callMap,
      callback: this.callback,
      flags,
      subprograms,
      stackDepth,
    }
  }
}
