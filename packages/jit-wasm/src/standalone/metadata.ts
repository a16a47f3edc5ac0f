import { mapLayout } from '@skep/registry'
import type { MapMetadata, PacketContext, ProgramMetadata, VariableMetadata } from './abi.ts'
import type { StandaloneInput, StandaloneMap, StandaloneProgram } from './input.ts'

export function programMetadata(
  { linked, spec, def }: StandaloneProgram,
  packet: PacketContext | undefined,
): ProgramMetadata {
  const context = def?.context.kind === 'struct' ? def.context : undefined
  const { attachType } = spec ?? {}
  return {
    name: linked.name,
    ...(spec ? { section: spec.section, license: spec.license } : {}),
    ...(def ? { type: def.name } : {}),
    ...(attachType === undefined ? {} : { attachType: String(attachType) }),
    helpers: [...linked.helpers.values()].map((helper) => helper.def.name),
    ...(context
      ? {
          context: {
            name: context.name,
            size: context.size,
            fields: context.fields.map(({ name, offset, size }) => ({ name, offset, size })),
          },
        }
      : {}),
    ...(packet ? { packetContextSize: packet.size } : {}),
    ...(def?.verdicts ? { verdicts: def.verdicts } : {}),
  }
}

export const mapMetadata = (
  { name, def, spec, address }: StandaloneMap,
  index: number,
  operations: readonly string[],
): MapMetadata => ({
  index,
  name,
  type: def.name,
  keySize: spec.keySize,
  valueSize: spec.valueSize,
  maxEntries: spec.maxEntries,
  flags: spec.flags ?? 0,
  address,
  operations,
  ...(spec.btfKey === undefined ? {} : { btfKey: spec.btfKey }),
  ...(spec.btfValue === undefined ? {} : { btfValue: spec.btfValue }),
})

/** Global variables: they lie in the one value of their map. */
export const variableMetadata = ({ arena, maps, variables }: StandaloneInput): VariableMetadata[] =>
  variables.flatMap(({ name, map, offset, size, typeId }) => {
    const found = maps.find((m) => m.name === map)
    if (!found) return []
    const data = arena.view.getUint32(found.address + mapLayout.MAP_DATA, true)
    return [{ name, map, address: data + offset, size, ...(typeId === undefined ? {} : { btfType: typeId }) }]
  })
