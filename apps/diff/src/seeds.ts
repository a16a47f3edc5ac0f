import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { CollectionSpec, MapSpec, Platform, ProgramSpec, Row, RowMap } from '@skep/registry'
import { parseObject } from '@skep/runtime'
import { rowOf } from '../../../packages/verifier/test/case.ts'
import * as suites from '../../../packages/verifier/test/programs/index.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

function rowMap(spec: MapSpec): RowMap {
  const first = spec.initial?.[0]
  return {
    name: spec.name,
    type: spec.type,
    key_size: spec.keySize,
    value_size: spec.valueSize,
    max_entries: spec.maxEntries,
    ...(spec.flags ? { flags: spec.flags } : {}),
    ...(spec.mapExtra ? { map_extra: spec.mapExtra } : {}),
    ...(spec.inner ? { inner: rowMap(spec.inner) } : {}),
    ...(first && 'value' in first ? { init: hex(first.value) } : {}),
    ...(spec.frozen ? { frozen: true } : {}),
    ...(spec.btf ? { btf: base64(spec.btf) } : {}),
    ...(spec.btfKey === undefined ? {} : { btf_key: spec.btfKey }),
    ...(spec.btfValue === undefined ? {} : { btf_value: spec.btfValue }),
  }
}

const LD_IMM64 = 0x18
const PSEUDO_MAP_FD = 1
const PSEUDO_MAP_VALUE = 2

/** A loaded object's program as a row; undefined where it refers to what a row cannot name. */
export function rowOfProgram(collection: CollectionSpec, program: ProgramSpec): Row | undefined {
  const insns = program.insns.slice()
  const view = new DataView(insns.buffer)
  const used: MapSpec[] = []
  const refs: { insn: number; map: number }[] = []
  const kfuncs: { insn: number; name: string }[] = []
  for (const reference of program.references) {
    const at = reference.insn * 8
    if (reference.kind === 'kfunc') kfuncs.push({ insn: reference.insn, name: reference.name })
    else if (reference.kind === 'map' || reference.kind === 'map_value') {
      const spec = collection.maps.find((map) => map.name === reference.map)
      if (!spec) return undefined
      if (!used.includes(spec)) used.push(spec)
      insns[at] = LD_IMM64
      insns[at + 1] =
        (insns[at + 1]! & 15) | ((reference.kind === 'map' ? PSEUDO_MAP_FD : PSEUDO_MAP_VALUE) << 4)
      view.setInt32(at + 4, 0, true)
      view.setInt32(at + 12, reference.kind === 'map' ? 0 : reference.offset, true)
      refs.push({ insn: reference.insn, map: used.indexOf(spec) })
    } else if (reference.kind === 'ksym') return undefined
  }
  const info = program.functions.every(({ typeId }) => typeId > 0) ? program.functions : []
  return {
    name: program.name,
    type: program.type,
    ...(program.attachType === undefined ? {} : { attach_type: program.attachType }),
    ...(program.attachTo === undefined ? {} : { attach_to: program.attachTo }),
    ...(program.flags ? { flags: program.flags } : {}),
    license: program.license,
    insns: hex(insns),
    maps: used.map(rowMap),
    refs,
    ...(kfuncs.length > 0 ? { kfuncs } : {}),
    ...(collection.btf ? { btf: base64(collection.btf) } : {}),
    ...(collection.btf && info.length > 0
      ? {
          func_info: hex(
            new Uint8Array(Uint32Array.from(info.flatMap(({ insn, typeId }) => [insn, typeId])).buffer),
          ),
        }
      : {}),
  }
}

/** Where this repository keeps compiled objects. */
const FOLDERS = ['packages', 'apps'] as const
const HOLDERS = ['testdata', 'programs'] as const

function objectFiles(root: string): string[] {
  const found: string[] = []
  for (const folder of FOLDERS)
    for (const member of readdirSync(join(root, folder)).sort())
      for (const holder of HOLDERS) {
        const path = join(root, folder, member, holder)
        if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) continue
        for (const name of readdirSync(path).sort()) if (name.endsWith('.o')) found.push(join(path, name))
      }
  return found
}

/** Programs to mutate: those of the repository's compiled objects, and the verifier's own test programs. */
export function seedRows(root: string, platform: Platform): Row[] {
  const rows: Row[] = []
  for (const file of objectFiles(root)) {
    let spec: CollectionSpec
    try {
      spec = parseObject(readFileSync(file), platform)
    } catch {
      continue // An object that this loader refuses, a fixture of its own tests.
    }
    for (const program of spec.programs) {
      const row = rowOfProgram(spec, program)
      if (row) rows.push(row)
    }
  }
  for (const cases of Object.values(suites)) for (const test of cases) rows.push(rowOf(test))
  return rows
}
