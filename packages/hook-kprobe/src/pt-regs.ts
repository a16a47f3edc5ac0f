/** Registers of `struct pt_regs` on x86-64 (arch/x86/include/asm/ptrace.h): byte offsets of u64 each. */
export const PT_REGS = {
  r15: 0,
  r14: 8,
  r13: 16,
  r12: 24,
  bp: 32,
  bx: 40,
  r11: 48,
  r10: 56,
  r9: 64,
  r8: 72,
  ax: 80,
  cx: 88,
  dx: 96,
  si: 104,
  di: 112,
  orig_ax: 120,
  ip: 128,
  cs: 136,
  flags: 144,
  sp: 152,
  ss: 160,
} as const

export const PT_REGS_SIZE = 168

/** Where PT_REGS_PARM1 to 6 and PT_REGS_RC of libbpf's bpf_tracing.h are. */
export const PT_REGS_PARMS: readonly number[] = [
  PT_REGS.di,
  PT_REGS.si,
  PT_REGS.dx,
  PT_REGS.cx,
  PT_REGS.r8,
  PT_REGS.r9,
]
export const PT_REGS_RC: number = PT_REGS.ax

/** Arguments that a probe of a function has room for: six registers, then the stack as the ABI has it. */
export const KPROBE_ARGS = 12
