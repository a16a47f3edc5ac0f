import { control, type Program, type RuntimeHost, skbLayout, type TestRunContext } from '@skep/runtime'
import { BenchError } from './errors.ts'

type Arena = RuntimeHost['arena']

/** A context for runs over one packet, as the program's type makes them for test runs. */
export function createContext(program: Program, packet: Uint8Array): TestRunContext {
  const { arena, platform } = program.host
  const type = platform.programTypes.byName(program.type)!
  if (type.testRun) return type.testRun(arena, { data: packet })
  if (type.context.kind === 'struct' && type.context.name === '__sk_buff') return createSkb(arena, packet)
  throw new BenchError('REFUSED', `no way to make a context for programs of type ${program.type}`)
}

/** A __sk_buff with what programs need that read the packet and nothing else. */
function createSkb(arena: Arena, packet: Uint8Array): TestRunContext {
  const { SKB_CONTEXT_SIZE } = skbLayout
  const block = arena.alloc(control.RUN_HEADER_SIZE + SKB_CONTEXT_SIZE + packet.length, 64)
  const address = block + control.RUN_HEADER_SIZE
  const data = address + SKB_CONTEXT_SIZE
  const end = data + packet.length
  arena.u8.set(packet, data)
  const fields: readonly (readonly [number, number])[] = [
    [skbLayout.SKB_LEN, packet.length],
    [skbLayout.SKB_DATA, data],
    [skbLayout.SKB_DATA_END, end],
    [skbLayout.SKB_FRAME_START, data],
    [skbLayout.SKB_FRAME_END, end],
    [skbLayout.SKB_MAC_HEADER, data],
    [skbLayout.SKB_NETWORK_HEADER, data + 14],
  ]
  for (const [offset, value] of fields) arena.view.setUint32(address + offset, value, true)
  return {
    address,
    finish: () => ({ data: arena.u8.slice(data, end) }),
    release: () => arena.free(block),
  }
}
