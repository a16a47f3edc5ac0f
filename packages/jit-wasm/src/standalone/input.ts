import type { Arena } from '@skep/memory'
import type {
  LinkedMap,
  LinkedProgram,
  MapExports,
  MapSpec,
  MapTypeDef,
  ProgramSpec,
  ProgramTypeDef,
  VariableSpec,
} from '@skep/registry'
import type { Features } from './abi.ts'

export interface StandaloneProgram {
  readonly linked: LinkedProgram
  /** Arena address of its record. */
  readonly record: number
  readonly def?: ProgramTypeDef
  readonly spec?: ProgramSpec
}

export interface StandaloneMap {
  readonly name: string
  /** Arena address of its header. */
  readonly address: number
  readonly def: MapTypeDef
  readonly spec: MapSpec
  /** The type of `spec.inner`. */
  readonly inner?: MapTypeDef
}

/** A loaded collection that nothing ran yet: its arena becomes the module's memory. */
export interface StandaloneInput {
  readonly arena: Arena
  /** Address of the control block. */
  readonly control: number
  readonly programs: readonly StandaloneProgram[]
  readonly maps: readonly StandaloneMap[]
  readonly variables: readonly VariableSpec[]
  readonly license: string
  readonly verified: boolean
  readonly btf?: Uint8Array
}

export interface StandaloneOptions {
  /** Default `2.0`. */
  readonly features?: Features
  /** Import `skep.clock`. False: every reading is a microsecond after the last. Default true. */
  readonly clock?: boolean
  /** Import `skep.printk`. False: texts are lost. Default true. */
  readonly printk?: boolean
  /** Longest packet that `skep_packet` has room for, in bytes. Default 65,536. */
  readonly packetSize?: number
}

/** The exports that serve a map, by operation. */
export const mapExportsOf = ({ def, spec }: Pick<StandaloneMap, 'def' | 'spec'>): MapExports => ({
  ...def.wasm?.ops,
  ...def.wasm?.variant?.(spec),
})

/** The map that a program links to. */
export const linkedTo = (maps: readonly StandaloneMap[], linked: LinkedMap): StandaloneMap | undefined =>
  maps.find(({ address }) => address === linked.address)
