/**
 * The control block: one per CPU (worker), in the arena, at the address that every wasm module imports as the
 * immutable i32 global `env.control`. Byte offsets. Plain numbers, so that AssemblyScript imports this file too.
 */

/** u64: the full r0 of the last finished run. */
export const CTL_R0 = 0
/** i32: why the last run stopped early: a `FAULT_*` code, 0 when it did not. */
export const CTL_FAULT = 8
/** u32: slot of the instruction that faulted. */
export const CTL_FAULT_PC = 12
/** u32: the address that faulted, low 32 bits. */
export const CTL_FAULT_ADDR = 16
/** u32: tail calls made in this run; the limit is MAX_TAIL_CALL_CNT. */
export const CTL_TAIL_CALLS = 20
/** u32: number of this CPU. */
export const CTL_CPU = 24
/** u32: arena address of the running program's record (see program.ts). */
export const CTL_PROG = 28
/** i64: instructions that may still run; at zero a metered engine stops with FAULT_BUDGET. */
export const CTL_BUDGET = 32
/**
 * u32: where the next function that is entered through the function table takes its r10 from. The caller of such a
 * function (a helper that runs a callback, an entry from the host, a tail call) stores an address at or below its own
 * frame here and restores it afterwards.
 */
export const CTL_SP = 40
/** u32: lowest address that a frame may reach. */
export const CTL_STACK_END = 44
/** u32: high half of a 64-bit value that a JS function returns beside the low half that it returns. */
export const CTL_RET_HI = 48
/** u32: address of the running program's context; every engine stores it at the start of each run, also inside batches. */
export const CTL_CTX = 52
/** u64: nanoseconds for bpf_ktime_get_ns when the clock is cached or deterministic. */
export const CTL_TIME = 56
/** u64 × 2: state of bpf_get_prandom_u32's generator. */
export const CTL_RANDOM = 88
/** u32: nesting depth of callbacks, against MAX_CALL_FRAMES. */
export const CTL_DEPTH = 104
/** u32: by what locks name this CPU's worker as their holder (@skep/memory's owner tag); 0 before anything is shared. */
export const CTL_OWNER = 108
/** u64: scratch for the interpreter. */
export const CTL_SCRATCH = 112
/** u32: the first of the objects that programs dropped, to be freed when none runs (layout/fields.ts); 0 for none. */
export const CTL_DROPPED = 120
export const CTL_SIZE = 256

/**
 * The run header: 32 bytes that lie directly below every context, at negative offsets from its address. A hook that
 * builds contexts leaves room for it; bpf_redirect* write it through CTL_CTX and the hook reads it per packet, so it
 * survives a batch. `RUN_REDIRECT` is 0 (nothing asked), 1 (by ifindex: RUN_REDIRECT_KEY), 2 (through the map whose
 * header is at RUN_REDIRECT_MAP, element RUN_REDIRECT_KEY), 3 (out of such a map to the socket whose address is RUN_REDIRECT_KEY).
 */
export const RUN_HEADER_SIZE = 32
export const RUN_REDIRECT = -32
export const RUN_REDIRECT_MAP = -28
export const RUN_REDIRECT_KEY = -24
export const RUN_REDIRECT_FLAGS = -16
/** i32: what the system call returns, for cgroup programs (bpf_get_retval, bpf_set_retval), which redirect nothing. */
export const RUN_RETVAL = -32
/** u64: what the entry of a session probe keeps for its return (bpf_session_cookie); probes redirect nothing. */
export const RUN_SESSION_COOKIE = -24
/** u32: 1 at the return of a session probe (bpf_session_is_return). */
export const RUN_SESSION_RETURN = -16
/** u64: the attachment's bpf_cookie, for bpf_get_attach_cookie. */
export const RUN_COOKIE = -8

export const FAULT_NONE = 0
/** An access outside every region that the program may touch. */
export const FAULT_ACCESS = 1
export const FAULT_BUDGET = 2
export const FAULT_STACK = 3
/** An instruction or helper that this program may not use. */
export const FAULT_ILLEGAL = 4
/** bpf_throw. */
export const FAULT_EXCEPTION = 5
/** A misaligned atomic. */
export const FAULT_ALIGNMENT = 6
/** A lock whose holder is gone, or did not give it back in time; CTL_FAULT_ADDR is the lock's word. */
export const FAULT_LOCK = 7

/** include/linux/bpf.h. */
export const MAX_TAIL_CALL_CNT = 33
/** include/linux/bpf_verifier.h. */
export const MAX_CALL_FRAMES = 8
/** include/linux/filter.h: bytes of stack for each frame. */
export const MAX_BPF_STACK = 512
/** Bytes of stack area for each CPU: the frames of one call chain, once for each nesting of callbacks. */
export const STACK_SIZE = 65536
