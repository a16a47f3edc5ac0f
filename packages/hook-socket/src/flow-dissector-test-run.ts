import type { Arena } from '@skep/memory'
import {
  control,
  flowKeys,
  type ProgramTypeDef,
  skbLayout,
  type TestRunContext,
  TestRunError,
  type TestRunInput,
} from '@skep/registry'

const { RUN_HEADER_SIZE } = control
const { SKB_CONTEXT_SIZE, SKB_DATA, SKB_DATA_END } = skbLayout
const SKB_FLOW_KEYS = 144
const ETH_HLEN = 14

const offsetOf = (name: string): number => flowKeys.fields.find((f) => f.name === name)!.offset
const NHOFF = offsetOf('nhoff')
const THOFF = offsetOf('thoff')
const N_PROTO = offsetOf('n_proto')
const FLAGS = offsetOf('flags')

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high)

/**
 * BPF_PROG_TEST_RUN of flow dissectors (bpf_prog_test_run_flow_dissector, net/bpf/test_run.c): over the whole frame, from
 * behind its Ethernet header; the result's data is the struct bpf_flow_keys that the program filled. A context is such a
 * struct with `flags` alone set.
 */
export const flowDissectorTestRun: NonNullable<ProgramTypeDef['testRun']> = (
  arena: Arena,
  { data, ctx }: TestRunInput,
): TestRunContext => {
  if (data.length < ETH_HLEN) {
    throw new TestRunError(
      'EINVAL',
      'data',
      `${data.length} bytes hold no Ethernet header; give ${ETH_HLEN} at least`,
    )
  }
  if (ctx?.some((byte, i) => byte !== 0 && (i < FLAGS || i >= FLAGS + 4))) {
    throw new TestRunError('EINVAL', 'ctx', `only flags, bytes ${FLAGS} to ${FLAGS + 3}, may be given`)
  }
  const block = arena.alloc(RUN_HEADER_SIZE + SKB_CONTEXT_SIZE + flowKeys.size + 8 + data.length, 64)
  const address = block + RUN_HEADER_SIZE
  const keys = address + SKB_CONTEXT_SIZE
  const packet = keys + flowKeys.size + 8
  arena.u8.set(data, packet)
  if (ctx) arena.u8.set(ctx.subarray(FLAGS, FLAGS + 4), keys + FLAGS)
  const { view } = arena
  view.setUint32(address + SKB_DATA, packet, true)
  view.setUint32(address + SKB_DATA_END, packet + data.length, true)
  view.setUint32(address + SKB_FLOW_KEYS, keys, true)
  view.setUint16(keys + NHOFF, ETH_HLEN, true)
  view.setUint16(keys + THOFF, ETH_HLEN, true)
  arena.u8.copyWithin(keys + N_PROTO, packet + 12, packet + 14)
  return {
    address,
    finish: () => {
      const after = arena.view
      const network = clamp(after.getUint16(keys + NHOFF, true), ETH_HLEN, data.length)
      after.setUint16(keys + NHOFF, network, true)
      after.setUint16(keys + THOFF, clamp(after.getUint16(keys + THOFF, true), network, data.length), true)
      return { data: arena.u8.slice(keys, keys + flowKeys.size), ...(ctx ? { ctx } : {}) }
    },
    release: () => arena.free(block),
  }
}
