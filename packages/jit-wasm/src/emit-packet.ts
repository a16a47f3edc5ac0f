import type { Insn } from '@skep/isa'
import { OPERAND } from './effects.ts'
import { emitSwap16, emitSwap32 } from './emit-alu.ts'
import type { Emitter } from './emitter.ts'
import { JitError } from './errors.ts'

/** include/uapi/linux/filter.h: offsets from these count from the network and the link-layer header. */
const SKF_NET_OFF = -0x10_0000
const SKF_LL_OFF = -0x20_0000
/** Where the network header begins: behind an Ethernet header, as in packets that BPF_PROG_TEST_RUN makes. */
const ETH_HLEN = 14

/**
 * ld_abs and ld_ind: loads from the packet in network byte order, with r6 as the context. Out of the packet the program
 * exits with 0 (net/core/filter.c, bpf_skb_load_helper_*).
 */
export function emitPacketLoad(e: Emitter, slot: number, insn: Insn): void {
  const { def, imm } = insn
  if (def.kind !== 'ld_abs' && def.kind !== 'ld_ind') return
  const { code } = e
  const packet = e.program.context?.packet
  const fieldAt = (name: string | undefined): number | undefined =>
    e.program.context?.fields.find((field) => field.name === name)?.offset
  const [dataField, endField] = [fieldAt(packet?.data), fieldAt(packet?.end)]
  if (dataField === undefined || endField === undefined) {
    throw new JitError(
      'UNSUPPORTED_INSN',
      e.program.name,
      `${def.name} needs a context with packet fields`,
      slot,
    )
  }
  const data = e.scratch('packet', 'i32')
  const at = e.scratch('packet offset', 'i32')

  e.push32(slot, OPERAND.dst, true)
  code.i32_load(dataField).local_set(data)
  if (def.kind === 'ld_abs') {
    const offset = imm >= 0 ? imm : imm >= SKF_NET_OFF ? imm - SKF_NET_OFF + ETH_HLEN : imm - SKF_LL_OFF
    code.i32_const(offset).local_set(at)
  } else {
    e.push32(slot, OPERAND.src)
    code.i32_const(imm).i32_add().local_tee(at).i32_const(0).i32_lt_s().if()
    code.local_get(at).i32_const(SKF_NET_OFF).i32_sub().i32_const(ETH_HLEN).i32_add()
    code.local_get(at).i32_const(SKF_LL_OFF).i32_sub()
    code.local_get(at).i32_const(SKF_NET_OFF).i32_ge_s().select().local_set(at)
    code.end()
  }
  // In 64 bits, so that an offset that is still negative is past every end.
  code.local_get(at).i64_extend_i32_u().i64_const(def.size).i64_add()
  e.push32(slot, OPERAND.dst)
  code.i32_load(endField).local_get(data).i32_sub().i64_extend_i32_u()
  code.i64_gt_u().if()
  code.i64_const(0)
  e.leave()
  code.end()

  code.local_get(data).local_get(at).i32_add()
  if (def.size === 1) code.i32_load8_u()
  else if (def.size === 2) {
    code.i32_load16_u()
    emitSwap16(e)
  } else {
    code.i32_load()
    emitSwap32(e)
  }
  e.set32(slot)
}
