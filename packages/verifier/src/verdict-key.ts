import type { MapSpec, Platform } from '@skep/registry'
import { BPF_CALL, BPF_JMP } from './opcode.ts'
import type { VerifierOptions, VerifyInput } from './verify.ts'

declare const SKEP_BUILD: string | undefined

/** What the build made of the sources that decide verdicts; absent in the sources themselves. */
const version: string | undefined = typeof SKEP_BUILD === 'string' ? SKEP_BUILD : undefined

const SLOT = 8

/** Ids of the helpers that the instructions may call. */
function helperIds(insns: Uint8Array): Set<number> {
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength)
  const ids = new Set<number>()
  for (let at = 0; at + SLOT <= insns.length; at += SLOT)
    if (view.getUint8(at) === (BPF_JMP | BPF_CALL)) ids.add(view.getInt32(at + 4, true))
  return ids
}

const typesOf = ({ type, inner }: MapSpec): readonly (string | number)[] =>
  inner ? [type, ...typesOf(inner)] : [type]

/**
 * All that the verdict of `input` depends on: the build of this package, the options, the input, and of the platform what
 * the program names. Undefined where that cannot be told: in sources that nobody built, or with symbols to be asked for.
 */
export function verdictKey(
  platform: Platform,
  options: VerifierOptions,
  { program, maps, btf, unprivileged }: VerifyInput,
): readonly (string | Uint8Array)[] | undefined {
  if (version === undefined || options.kernelSymbols) return undefined
  const { kernelBtf, kernelSymbols: _, ...limits } = options
  const type = platform.programTypes.get(program.type)
  const helpers = [...helperIds(program.insns)].map((id) => platform.helpers.get(id))
  const named = {
    type,
    helpers: helpers.map((helper) => [helper, type && helper && platform.allows(type, helper)]),
    kfuncs: program.references.map((to) => (to.kind === 'kfunc' ? platform.kfuncs.get(to.name) : undefined)),
    mapTypes: maps.flatMap(typesOf).map((type) => platform.mapTypes.get(type)),
  }
  const parts: Uint8Array[] = []
  const text = JSON.stringify(
    [version, limits, program, maps, unprivileged ?? false, named],
    (field, value) => {
      // Code that engines and hosts run, which no verdict depends on.
      if (field === 'wasm') return undefined
      if (typeof value === 'bigint') return `${value}n`
      if (typeof value === 'function') return String(value)
      if (value instanceof Map || value instanceof Set) return [...value]
      if (!(value instanceof Uint8Array)) return value
      parts.push(value)
      return value.length
    },
  )
  for (const blob of [btf, kernelBtf]) parts.push(Uint8Array.of(blob ? 1 : 0), blob ?? new Uint8Array())
  return [text, ...parts]
}
