// Limits of the kernel's verifier: include/linux/bpf_verifier.h, include/linux/filter.h, kernel/bpf/verifier.c.

export const MAX_BPF_REG = 11
export const BPF_REG_FP = 10
/** Bytes of one function's stack. */
export const MAX_BPF_STACK = 512
export const MAX_STACK_SLOTS = 64
export const MAX_CALL_FRAMES = 8
export const BPF_MAX_VAR_OFF: number = 2 ** 29
export const BPF_MAX_VAR_SIZ: number = 2 ** 29
export const MAX_PACKET_OFF = 0xffff
/** Instructions walked before the verifier gives up. */
export const BPF_COMPLEXITY_LIMIT_INSNS = 1_000_000
/** States waiting to be explored. */
export const BPF_COMPLEXITY_LIMIT_JMP_SEQ = 8192
export const BPF_MAX_SUBPROGS = 256
export const MAX_USED_MAPS = 64
export const MAX_ERRNO = 4095
/** sizeof(struct bpf_flow_keys). */
export const FLOW_KEYS_SIZE = 56
