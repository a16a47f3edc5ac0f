import { decode } from '@skep/isa'
import { jit } from '@skep/jit-wasm'
import type { Arena } from '@skep/memory'
import {
  type CompiledProgram,
  control,
  defineHelper,
  type Engine,
  type LinkedHelper,
  type LinkedProgram,
  type ProgramSpec,
  skBuff,
  skbLayout,
  xdpLayout,
} from '@skep/registry'
import { interpreterEngine } from '@skep/vm-interpreter'
import { createThunks } from '@skep/wasm'
import { createTestCpu, weakFacts } from '../../vm-interpreter/test/cpu.ts'
import type { ClassicPacketInfo } from '../src/index.ts'
import { XDP_MD } from '../src/target.ts'

/** The most bytes that a test's packet has. */
const ROOM = 1 << 17

/** A context and a packet in the arena. */
class Place {
  readonly address: number
  readonly #arena: Arena
  readonly #packet: number

  constructor(arena: Arena) {
    this.#arena = arena
    this.address = arena.alloc(1024, 64) + control.RUN_HEADER_SIZE
    this.#packet = arena.alloc(ROOM, 64)
  }

  write(type: string, packet: Uint8Array, info: ClassicPacketInfo): void {
    const arena = this.#arena
    const set = (offset: number, value: number): void =>
      arena.view.setUint32(this.address + offset, value, true)
    const swap = (value = 0): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff)
    const end = this.#packet + ROOM
    // At the end of its memory, so that a read past it leaves the allocation.
    const data = end - packet.length
    arena.u8.set(packet, data)
    if (type === 'xdp') {
      set(xdpLayout.XDP_DATA, data)
      set(xdpLayout.XDP_DATA_END, end)
      set(xdpLayout.XDP_INGRESS_IFINDEX, info.ifindex ?? 0)
      set(xdpLayout.XDP_RX_QUEUE_INDEX, info.queue ?? 0)
      return
    }
    set(skbLayout.SKB_LEN, info.length ?? packet.length)
    set(skbLayout.SKB_PKT_TYPE, info.pkttype ?? 0)
    set(skbLayout.SKB_MARK, info.mark ?? 0)
    set(skbLayout.SKB_QUEUE_MAPPING, info.queue ?? 0)
    set(skbLayout.SKB_PROTOCOL, swap(info.protocol))
    set(skbLayout.SKB_VLAN_PRESENT, info.vlan_tag_present ?? 0)
    set(skbLayout.SKB_VLAN_TCI, info.vlan_tag ?? 0)
    set(skbLayout.SKB_VLAN_PROTO, swap(info.vlan_tpid))
    set(skbLayout.SKB_IFINDEX, info.ifindex ?? 0)
    set(skbLayout.SKB_HASH, info.rxhash ?? 0)
    set(skbLayout.SKB_DATA, data)
    set(skbLayout.SKB_DATA_END, end)
    set(skbLayout.SKB_MAC_HEADER, data)
    set(skbLayout.SKB_NETWORK_HEADER, data + 14)
  }
}

const ENGINES = ['interpreter', 'checked', 'jit'] as const
export type EngineName = (typeof ENGINES)[number]

/** A translated program on every engine. */
export interface Bench {
  run(packet: Uint8Array, info?: ClassicPacketInfo): Record<EngineName, number>
  release(): void
}

export interface Engines {
  load(spec: ProgramSpec): Promise<Bench>
}

/** Engines over one arena; `values` is what the helpers for random numbers and the CPU answer. */
export async function createEngines(values: { random: number; cpu: number }): Promise<Engines> {
  const cpu = createTestCpu()
  const [random, smp] = createThunks([
    { params: [], result: 'u32', call: () => values.random | 0 },
    { params: [], result: 'u32', call: () => values.cpu | 0 },
  ])
  const helper = (name: string, id: number, fn: unknown): [number, LinkedHelper] => [
    id,
    {
      def: defineHelper({ name, id, args: [], returns: { kind: 'integer' } }),
      fn: fn as never,
      slot: cpu.addFunction(fn),
    },
  ]
  const helpers = new Map([helper('get_prandom_u32', 7, random), helper('get_smp_processor_id', 8, smp)])
  const interpreter = await interpreterEngine.create(cpu)
  const engines: Record<EngineName, Engine> = {
    interpreter,
    checked: interpreter,
    jit: await jit.create(cpu),
  }
  const place = new Place(cpu.arena)
  return {
    load: async (spec) => {
      const insns = decode(spec.insns)
      const context = spec.type === 'xdp' ? XDP_MD : skBuff
      const linked: LinkedProgram = { name: spec.name, insns, subprograms: [0], helpers, maps: [], context }
      const facts = weakFacts(insns.length)
      const units = await Promise.all(
        ENGINES.map((name) => engines[name].compile([name === 'checked' ? linked : { ...linked, facts }])),
      )
      const programs = units.map((unit) => unit.programs[0]!)
      const runOne = (program: CompiledProgram): number => {
        cpu.arena.view.setUint32(cpu.control + control.CTL_CTX, place.address, true)
        cpu.arena.view.setInt32(cpu.control + control.CTL_FAULT, 0, true)
        const result = program.run(place.address)
        const fault = cpu.arena.view.getInt32(cpu.control + control.CTL_FAULT, true)
        if (fault !== control.FAULT_NONE) {
          const pc = cpu.arena.view.getUint32(cpu.control + control.CTL_FAULT_PC, true)
          throw new Error(`${program.name}: fault ${fault} at ${pc}`)
        }
        return result
      }
      return {
        run: (packet, info = {}) => {
          place.write(String(spec.type), packet, info)
          return Object.fromEntries(ENGINES.map((name, at) => [name, runOne(programs[at]!)])) as Record<
            EngineName,
            number
          >
        },
        release: () => {
          for (const unit of units) unit.release()
        },
      }
    },
  }
}
