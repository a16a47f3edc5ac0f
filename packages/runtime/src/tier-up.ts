import type { CompiledProgram, CompiledUnit } from '@skep/registry'

/** Tells who runs the programs which ones take over; `done` when they have. */
type TakeOver = (programs: readonly CompiledProgram[], done: () => void) => void

/** A collection's unit while a faster engine compiles the same programs, and afterwards. */
export interface Tiers extends CompiledUnit {
  /**
   * Has `takeOver` called when the faster unit is there, if the collection still is. Resolves after it, or with what kept
   * that unit from being made: the first one keeps running then.
   */
  settled(takeOver: TakeOver): Promise<{ readonly failed?: unknown }>
}

/** `first` until `later` is there. */
export function tierUp(first: CompiledUnit, later: Promise<CompiledUnit>): Tiers {
  let current = first
  let released = false
  // Whoever waits for it comes later, or never.
  later.catch(() => undefined)
  return {
    programs: first.programs,
    settled: async (takeOver) => {
      let unit: CompiledUnit
      try {
        unit = await later
      } catch (failed) {
        return { failed }
      }
      if (released) {
        unit.release()
        return {}
      }
      current = unit
      await new Promise<void>((resolve) => takeOver(unit.programs, resolve))
      first.release()
      return {}
    },
    release: () => {
      released = true
      current.release()
    },
  }
}
