import { readFileSync } from 'node:fs'
import { KprobeAttachError, type KprobeProgram, overridePlugin, probeProviders } from '@skep/hook-kprobe'
import {
  type Collection,
  createRuntime,
  type LoadOptions,
  parseObject,
  type Runtime,
} from '../../src/index.ts'

// The programs of testdata/probes.bpf.c, and what they saw.

const object = new Uint8Array(readFileSync(new URL('../../testdata/probes.o', import.meta.url)))

export interface Probes {
  readonly runtime: Runtime
  readonly collection: Collection
  readonly faults: unknown[]
  kprobe(name: string): KprobeProgram
  /** A global variable as a number that is exact. */
  number(name: string): number
  bigint(name: string): bigint
  numbers(name: string, count: number): bigint[]
  text(): string
  reset(): void
}

const NUMBERS = ['runs', 'count', 'receiver', 'result', 'threw', 'order', 'status', 'stack_id', 'period']

export async function loadProbes({ engine = 'jit', ...options }: LoadOptions = {}): Promise<Probes> {
  const runtime = await createRuntime({ engine, plugins: [overridePlugin], providers: probeProviders })
  const faults: unknown[] = []
  runtime.on('exception', (fault) => void faults.push(fault))
  const collection = await runtime.load(parseObject(object, runtime.platform), options)
  const view = (name: string): DataView => {
    const bytes = collection.readGlobal(name)
    return new DataView(bytes.buffer, bytes.byteOffset)
  }
  return {
    runtime,
    collection,
    faults,
    kprobe: (name) => collection.program(name, 'kprobe'),
    number: (name) => Number(view(name).getBigInt64(0, true)),
    bigint: (name) => view(name).getBigUint64(0, true),
    numbers: (name, count) => Array.from({ length: count }, (_, n) => view(name).getBigInt64(8 * n, true)),
    text: () => {
      const bytes = collection.readGlobal('text')
      return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)))
    },
    reset: () => {
      for (const name of NUMBERS) collection.writeGlobal(name, new Uint8Array(8))
      faults.length = 0
    },
  }
}

/** The code with which an attachment is refused. */
export const codeOf = (attach: () => unknown): string => {
  try {
    attach()
  } catch (error) {
    if (error instanceof KprobeAttachError) return error.code
    throw error
  }
  return 'none'
}
