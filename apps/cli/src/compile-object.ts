import { basename } from 'node:path'
import { decode } from '@skep/isa'
import {
  createStandaloneCompiler,
  type StandaloneModule,
  type StandaloneOptions,
} from '@skep/jit-wasm/standalone'
import { definePlugin } from '@skep/registry'
import {
  type CollectionSpec,
  createRuntime,
  type GlobalValue,
  type Platform,
  RuntimeError,
  type RuntimeOptions,
} from '@skep/runtime'
import { addElements } from './initial-values.ts'
import { RefusedError, UsageError } from './report.ts'

export interface CompileOptions extends StandaloneOptions {
  /** MiB that maps and the host's allocations may have together. By default as much as it takes, 64 at the least. */
  readonly memory?: number
  /** For hash functions and random numbers. */
  readonly seed?: bigint
  /** First values of global variables. */
  readonly set?: Readonly<Record<string, GlobalValue>>
  /** Elements to add, as \`name=key:value\`. */
  readonly map?: readonly string[]
}

const MIB = 2 ** 20
/** MiB that are tried one after another when nobody says how much memory maps may have. */
const LIMITS = [64, 256, 1024, 3584] as const

/**
 * Makes a module of a spec whose programs were verified. Throws RefusedError with the place of a helper that the runtime
 * lacks, StandaloneError, and what loading throws.
 */
export async function compileObject(
  spec: CollectionSpec,
  options: CompileOptions = {},
  kernel: Pick<RuntimeOptions, 'kernelBtf'> = {},
): Promise<StandaloneModule> {
  const limits = options.memory === undefined ? LIMITS : [options.memory]
  for (const [n, limit] of limits.entries()) {
    try {
      return await buildWithin(limit * MIB, spec, options, kernel)
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOMEM' || n === limits.length - 1) throw error
    }
  }
  throw new UsageError('no memory to build in')
}

async function buildWithin(
  limit: number,
  spec: CollectionSpec,
  options: CompileOptions,
  kernel: Pick<RuntimeOptions, 'kernelBtf'>,
): Promise<StandaloneModule> {
  const compiler = createStandaloneCompiler()
  const runtime = await createRuntime({
    ...kernel,
    plugins: [definePlugin({ name: 'standalone', engines: [compiler.engine] })],
    engine: compiler.engine.name,
    limit,
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  })
  try {
    const collection = await runtime.load(spec, { globals: options.set ?? {} }).catch((error) => {
      throw placed(error, spec, runtime.platform)
    })
    addElements(collection, options.map ?? [])
    return compiler.build(collection, runtime.platform, options)
  } finally {
    runtime.close()
  }
}

/** A helper that the runtime lacks, with the place of its call. */
function placed(error: unknown, spec: CollectionSpec, platform: Platform): unknown {
  if (!(error instanceof RuntimeError) || error.code !== 'ABSENT') return error
  for (const { name, insns, references, lines } of spec.programs) {
    const slot = decode(insns).findIndex(
      ({ def, imm }, at) =>
        (def.name === 'call_helper' && platform.helpers.byId(imm)?.name === error.subject) ||
        references.some((r) => r.insn === at && 'name' in r && r.name === error.subject),
    )
    if (slot < 0) continue
    const line = lines.findLast(({ insn }) => insn <= slot)
    const source = line ? ` (${basename(line.file)}:${line.line}: ${line.text.trim()})` : ''
    return new RefusedError('NEEDS_RUNTIME', `${name}, insn ${slot}: ${error.message}${source}`)
  }
  return error
}
