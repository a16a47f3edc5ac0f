import { readFileSync } from 'node:fs'
import { isKernelAvailable } from '@skep/linux'
import { type CollectionSpec, createDefaultPlatform, parseObject } from '../src/index.ts'

const kernel = await isKernelAvailable()

/** Why tests that need the kernel are skipped; undefined where they run. */
export const missing: string | undefined = kernel.ok ? undefined : kernel.reason

/** A suite's name, with the reason when it is skipped. */
export const named = (name: string): string => (missing ? `${name} (skipped: ${missing})` : name)

const platform = createDefaultPlatform()

export const readObject = (path: string): CollectionSpec =>
  parseObject(readFileSync(new URL(path, import.meta.url)), platform)

/** One program for each hook, over maps of every common kind. */
export const hooks: CollectionSpec = readObject('../testdata/hooks.o')
