export { type Arena, type ArenaOptions, createArena, openArena } from './arena.ts'
export { ArenaError, type ArenaErrorCode, type ArenaErrorFields } from './errors.ts'
export { type MemoryExports, memoryModule } from './module.ts'
export { allocPerCpu, type PerCpuArea } from './per-cpu.ts'
