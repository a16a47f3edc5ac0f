import { isKernelAvailable } from '../src/kernel.ts'

const availability = await isKernelAvailable()

/** Why tests that need the kernel are skipped; undefined where they run. */
export const missing: string | undefined = availability.ok ? undefined : availability.reason

/** A suite's name, with the reason when it is skipped. */
export const named = (name: string): string => (missing ? `${name} (skipped: ${missing})` : name)
