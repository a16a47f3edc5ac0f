import { Buffer } from 'node:buffer'
import type { Arena } from '@skep/memory'
import { control, type ProgramHandle } from '@skep/registry'
import { skMsgContext } from '../sk-msg.ts'
import { RunSlot } from './run-slot.ts'
import type { MessageFate, SkbSocket } from './skb-messages.ts'

const at = (name: string): number => skMsgContext.fields.find((field) => field.name === name)!.offset
const [DATA, DATA_END, SIZE, SK, FAMILY] = ['data', 'data_end', 'size', 'sk', 'family'].map(at) as [
  number,
  number,
  number,
  number,
  number,
]
const TO_SOCKET = 3
const SK_PASS = 1
const LEAST_ROOM = 1 << 16

/** Runs of a sk_msg program over what sockets send. */
export class SkMessages {
  readonly #arena: Arena
  readonly #program: ProgramHandle
  #room: number = LEAST_ROOM
  #slot: RunSlot

  constructor(arena: Arena, program: ProgramHandle) {
    this.#arena = arena
    this.#program = program
    this.#slot = new RunSlot(arena, skMsgContext.size, this.#room)
  }

  free(): void {
    this.#slot.free()
  }

  /** What becomes of a message, and its bytes as the program left them. */
  judge(bytes: Uint8Array, socket: SkbSocket): MessageFate & { readonly bytes: Uint8Array } {
    if (bytes.length > this.#room) {
      const larger = new RunSlot(this.#arena, skMsgContext.size, 2 * bytes.length)
      this.#slot.free()
      this.#slot = larger
      this.#room = 2 * bytes.length
    }
    const slot = this.#slot
    slot.clear(skMsgContext.size)
    const { u8, view } = this.#arena
    u8.set(bytes, slot.data)
    const put = (offset: number, value: number): void => view.setUint32(slot.context + offset, value, true)
    put(DATA, slot.data)
    put(DATA_END, slot.data + bytes.length)
    put(SIZE, bytes.length)
    put(SK, socket.address)
    const { local, remote } = socket
    const four = local.address.length === 4
    put(FAMILY, four ? 2 : 10)
    u8.set(remote.address, slot.context + at(four ? 'remote_ip4' : 'remote_ip6'))
    u8.set(local.address, slot.context + at(four ? 'local_ip4' : 'local_ip6'))
    put(at('remote_port'), ((remote.port >> 8) | ((remote.port & 0xff) << 8)) << 16)
    put(at('local_port'), local.port)
    const verdict = slot.run(this.#program)
    const after = this.#arena
    const word = (offset: number): number => after.u32[(slot.context + offset) >> 2]!
    const left = after.u8.subarray(slot.data, slot.data + bytes.length)
    const same = Buffer.compare(left, bytes) === 0
    const out = same ? bytes : Buffer.from(left)
    if (verdict !== SK_PASS) return { target: -1, ingress: false, bytes: out }
    if (word(control.RUN_REDIRECT) !== TO_SOCKET) return { target: 0, ingress: false, bytes: out }
    return {
      target: word(control.RUN_REDIRECT_KEY),
      ingress: (word(control.RUN_REDIRECT_FLAGS) & 1) !== 0,
      bytes: out,
    }
  }
}
