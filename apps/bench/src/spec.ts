import { readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { parseCbpf } from '@skep/loader-cbpf'
import { type CollectionSpec, type MapSpec, type Platform, parseElf } from '@skep/runtime'
import { BenchError } from './errors.ts'
import { benchFolder } from './folders.ts'
import type { MapFill } from './map-fill.ts'
import type { BenchProgram } from './programs.ts'

const folder = `${benchFolder}programs/`

/** The collection of one program: the object's maps, and of its programs that one, or that one first. */
export function readSpec(program: BenchProgram, platform: Platform): CollectionSpec {
  const { source, name } = program
  const path = isAbsolute(source.file) ? source.file : `${folder}${source.file}`
  if (source.kind === 'classic') {
    const { type, style } = source
    return parseCbpf(readFileSync(path, 'utf8'), { name, type, style, platform })
  }
  const spec = parseElf(readFileSync(path), { platform })
  const found = spec.programs.filter((p) => p.name === name)
  if (found.length === 0) {
    const known = spec.programs.map((p) => p.name).join(', ') || 'none'
    throw new BenchError('NOT_FOUND', `${path}: no program ${name}; there are: ${known}`)
  }
  if (!program.whole) return { ...spec, programs: found }
  return { ...spec, programs: [...found, ...spec.programs.filter((p) => p.name !== name)] }
}

/** Names of an object's programs. */
export const programNames = (path: string, platform: Platform): readonly string[] =>
  parseElf(readFileSync(path), { platform }).programs.map((p) => p.name)

/** The map that the contents are for. */
export function mapToFill(spec: CollectionSpec, fill: MapFill): MapSpec {
  const { type, keySize, valueSize } = fill
  const map = spec.maps.find((m) => m.type === type && m.keySize === keySize && m.valueSize === valueSize)
  if (map) return map
  throw new BenchError(
    'NOT_FOUND',
    `no ${type} of ${keySize}-byte keys and ${valueSize}-byte values in the object, which the program would need`,
  )
}

/** A value of 8 bytes, over all CPUs where each has its own. */
export function total(value: Uint8Array, { type }: MapFill): Uint8Array {
  if (!type.startsWith('percpu_')) return value
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  let sum = 0n
  for (let at = 0; at < value.length; at += 8) sum += view.getBigUint64(at, true)
  return new Uint8Array(BigUint64Array.of(sum).buffer)
}
