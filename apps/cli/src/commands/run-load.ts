import { join } from 'node:path'
import {
  type CacheStore,
  type Collection,
  type CollectionSpec,
  createRuntime,
  type GlobalValue,
  type ParseOptions,
  parseObject,
  type Runtime,
} from '@skep/runtime'
import { createFileCache } from '@skep/runtime/node'
import { about, readInput } from '../input.ts'
import { cacheFolder } from '../starter.ts'
import { kernelTypes, targetKernel } from '../target-kernel.ts'

/** An object whose programs are ready to run. */
export interface Loaded {
  readonly runtime: Runtime
  readonly spec: CollectionSpec
  readonly collection: Collection
}

/** Most bytes of proofs and compiled programs that are kept. */
const KEPT = 32 * 2 ** 20

/** What was proved and compiled before, where it may be kept. */
export const programCache = (): { cache?: CacheStore } =>
  cacheFolder ? { cache: createFileCache(join(cacheFolder, 'programs'), { limit: KEPT }) } : {}

/** Sections of what the kernel defines. */
const kernelSections = ['.ksyms', '.kconfig']

/**
 * Loads an object. What this kernel has (types, configuration) takes longer to read than most objects need to load, so it
 * is read for those that name something of it, and those that do not load without.
 */
export async function loadObject(
  file: string,
  engine: string,
  globals: Readonly<Record<string, GlobalValue>>,
): Promise<Loaded> {
  const bytes = Buffer.from(await readInput(file))
  const load = async (target: ParseOptions): Promise<Loaded> => {
    const runtime = await createRuntime({ engine, ...programCache(), ...kernelTypes(target) })
    try {
      const spec = read(file, bytes, runtime, target)
      return { runtime, spec, collection: await runtime.load(spec, { globals }) }
    } catch (error) {
      runtime.close()
      throw error
    }
  }
  if (!kernelSections.some((name) => bytes.includes(name))) {
    try {
      return await load({})
    } catch {
      // The second try tells why.
    }
  }
  return load(await targetKernel())
}

function read(file: string, bytes: Uint8Array, runtime: Runtime, target: ParseOptions): CollectionSpec {
  try {
    return parseObject(bytes, runtime.platform, target)
  } catch (error) {
    throw about(file, error)
  }
}
