import { mapLayout, stackLayout } from '@skep/registry'
import type { HostMap } from '../src/host-map.ts'
import { type Bpf, closeFd, command, refused } from './bpf.ts'
import { finish } from './sides.ts'

const RAW_TRACEPOINT = 17
/** 8 bytes: code, registers, offset, immediate. */
const insn = (code: number, registers: number, immediate: number, offset = 0): number[] => [
  code | (registers << 8) | (offset << 16),
  immediate,
]
/** BPF_F_REUSE_STACKID: a stack takes the place of another one. */
const REUSE = 0x400

/** A program that writes its stack, less as many frames as its context says, into a map of both sides. */
export class Stacks {
  readonly #bpf: Bpf
  readonly #map: HostMap
  readonly #fd: number
  readonly #program: number

  constructor(bpf: Bpf, map: HostMap, fd: number) {
    this.#bpf = bpf
    this.#map = map
    this.#fd = fd
    const text = Uint32Array.from([
      ...insn(0x79, 0x13, 0),
      ...insn(0x57, 0x03, 7),
      ...insn(0x47, 0x03, REUSE),
      ...insn(0x18, 0x12, fd),
      ...insn(0, 0, 0),
      ...insn(0x85, 0, 27),
      ...insn(0x95, 0, 0),
    ])
    const bytes = Uint8Array.from([...new Uint8Array(text.buffer), 0x47, 0x50, 0x4c, 0])
    this.#program = bpf.withBytes(command.progLoad, 48, bytes, (attr, at) => {
      attr.setUint32(0, RAW_TRACEPOINT, true)
      attr.setUint32(4, text.length / 2, true)
      attr.setBigUint64(8, at, true)
      attr.setBigUint64(16, at + BigInt(text.byteLength), true)
    })
    if (this.#program < 0) throw new Error(`no program for stacks: ${refused(this.#program)}`)
  }

  /** Writes a stack there, and the same one here. */
  write(skip: number): void {
    const bpf = this.#bpf
    const context = new Uint8Array(BigUint64Array.of(BigInt(skip)).buffer)
    let id = -1
    const result = bpf.withBytes(
      command.testRun,
      80,
      context,
      (attr, at) => {
        attr.setUint32(0, this.#program, true)
        attr.setUint32(40, 8, true)
        attr.setBigUint64(48, at, true)
      },
      (attr) => (id = attr.getInt32(4, true)),
    )
    if (result < 0) throw new Error(`no test run: ${refused(result)}`)
    if (id < 0) return
    const key = new Uint8Array(Uint32Array.of(id).buffer)
    finish(bpf.element(command.lookup, this.#fd, key, undefined, 0))
    const frames = bpf.take(this.#map.valueSize)
    const { view, u8 } = this.#map.arena
    const header = this.#map.address
    const bucket =
      view.getUint32(header + mapLayout.MAP_DATA, true) +
      id * view.getUint32(header + mapLayout.MAP_STRIDE, true)
    if (view.getUint32(bucket + stackLayout.STACK_FRAMES, true) === 0) {
      const count = view.getUint32(header + mapLayout.MAP_COUNT, true)
      view.setUint32(header + mapLayout.MAP_COUNT, count + 1, true)
    }
    view.setUint32(bucket + stackLayout.STACK_FRAMES, frames.length / 8, true)
    u8.set(frames, bucket + stackLayout.STACK_VALUE)
  }

  close(): void {
    closeFd(this.#program)
  }
}
