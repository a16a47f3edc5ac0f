import type { Arena } from './arena.ts'

/** One block of bytes for each CPU of an arena, each on cache lines of its own. */
export interface PerCpuArea {
  readonly address: number
  /** Bytes from one CPU's block to the next. */
  readonly stride: number
  of(cpu: number): number
  free(): void
}

const LINE = 64

/** Zeroed. Throws ArenaError ENOMEM. */
export function allocPerCpu(arena: Arena, size: number): PerCpuArea {
  const stride = Math.max(Math.ceil(size / LINE), 1) * LINE
  const address = arena.alloc(stride * arena.cpus, LINE)
  return {
    address,
    stride,
    of: (cpu) => address + cpu * stride,
    free: () => arena.free(address),
  }
}
