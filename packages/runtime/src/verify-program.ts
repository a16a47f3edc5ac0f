import type { CollectionSpec, ProgramFacts, ProgramSpec } from '@skep/registry'
import type { Verdict, Verifier, VerifyInput } from '@skep/verifier'
import { VerifierError } from '@skep/verifier/error'
import { digest, openEntry, packEntry, quietly } from './cache-entry.ts'
import type { CacheStore } from './load-cache.ts'

interface VerifyOptions {
  readonly unprivileged?: boolean
}

const inputOf = (
  spec: CollectionSpec,
  program: ProgramSpec,
  { unprivileged = false }: VerifyOptions,
): VerifyInput => ({
  program,
  maps: spec.maps,
  ...(spec.btf ? { btf: spec.btf } : {}),
  unprivileged,
})

export const verifyProgram = (
  verifier: Verifier,
  spec: CollectionSpec,
  program: ProgramSpec,
  options: VerifyOptions = {},
): Verdict => verifier.verify(inputOf(spec, program, options))

/**
 * What the verifier proves of the programs, by way of the store: one that it accepted before is not walked again where all is
 * as it was. Throws VerifierError.
 */
export async function provePrograms(
  verifier: Verifier,
  spec: CollectionSpec,
  programs: readonly ProgramSpec[],
  options: VerifyOptions,
  store: CacheStore | undefined,
): Promise<readonly ProgramFacts[]> {
  const facts: ProgramFacts[] = []
  for (const program of programs) {
    const input = inputOf(spec, program, options)
    const parts = store && verifier.key?.(input)
    const key = parts && (await digest([FORMAT, ...parts]))
    const kept = key && (await quietly(() => store.get(key)))
    const known = kept && unpack(kept, program.insns.length / SLOT)
    if (known) {
      facts.push(known)
      continue
    }
    const found = prove(verifier, input)
    if (key) await quietly(() => store.set(key, pack(found)))
    facts.push(found)
  }
  return facts
}

function prove(verifier: Verifier, input: VerifyInput): ProgramFacts {
  const verdict = verifier.verify(input)
  if (verdict.verdict === 'accept') return verdict.facts
  // Log text costs more than the verdict: it is made by a second walk, when someone wants it.
  const log = (): string => verifier.verify({ ...input, logLevel: 1 }).log()
  throw new VerifierError(input.program.name, { ...verdict, log })
}

/** Layout of an entry; another text is another key. */
const FORMAT = 'facts 2'
const SLOT = 8

/** By slot, bytes first: the order of the arrays in an entry. */
const byteArrays = ['reachable', 'access', 'flags'] as const
const intArrays = ['callMap', 'callback'] as const

function pack(facts: ProgramFacts): Uint8Array {
  const { subprograms, stackDepth, exceptionCallback, bufferAccess } = facts
  const slots = facts.reachable.length
  const bytes = new Uint8Array(slots * (byteArrays.length + 4 * intArrays.length))
  for (const [n, name] of byteArrays.entries()) bytes.set(facts[name], n * slots)
  const view = new DataView(bytes.buffer, byteArrays.length * slots)
  for (const [n, name] of intArrays.entries())
    for (const [slot, value] of facts[name].entries()) view.setInt32(4 * (n * slots + slot), value, true)
  return packEntry({ subprograms, stackDepth, exceptionCallback, bufferAccess }, bytes)
}

/** Undefined where the entry is not one of a program of so many slots. */
function unpack(entry: Uint8Array, slots: number): ProgramFacts | undefined {
  const { about, bytes } = openEntry(entry) ?? {}
  if (!about || bytes?.length !== slots * (byteArrays.length + 4 * intArrays.length)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + byteArrays.length * slots)
  const [reachable, access, flags] = byteArrays.map((_, n) => bytes.subarray(n * slots, (n + 1) * slots))
  const [callMap, callback] = intArrays.map((_, n) =>
    Int32Array.from({ length: slots }, (_, slot) => view.getInt32(4 * (n * slots + slot), true)),
  )
  return {
    ...(about as Pick<ProgramFacts, 'subprograms' | 'stackDepth' | 'exceptionCallback' | 'bufferAccess'>),
    reachable: reachable!,
    access: access!,
    flags: flags!,
    callMap: callMap!,
    callback: callback!,
  }
}
