import { BTF_KIND } from '../kinds.ts'
import { CoreError } from './error.ts'
import { CORE, CORE_KINDS, type CoreSpec } from './spec.ts'

/** What one side, local or target, makes of a relocation. */
export interface CoreValue {
  readonly value: bigint
  /** Bytes that a load or store of the field takes, 0 where that says nothing. */
  readonly size: number
  /** The type of that size. */
  readonly type: number
  /** The instruction must hold the local value: false where compilers may differ. */
  readonly exact: boolean
}

const plain = (value: number | bigint, exact = true): CoreValue => ({
  value: BigInt(value),
  size: 0,
  type: 0,
  exact,
})

/** The value for a spec; undefined for none when there must be one: the instruction is to be poisoned. */
export function coreValue(kind: number, spec: CoreSpec | undefined): CoreValue | undefined {
  switch (CORE_KINDS[kind]!.on) {
    case 'type':
      return typeValue(kind, spec)
    case 'enumerator':
      return enumeratorValue(kind, spec)
    case 'field':
      if (kind === CORE.FIELD_EXISTS) return plain(spec ? 1 : 0)
      return spec && fieldValue(kind, spec)
  }
}

function typeValue(kind: number, spec: CoreSpec | undefined): CoreValue {
  if (!spec) return plain(0)
  // Ids change when objects are linked.
  if (kind === CORE.TYPE_ID_TARGET) return plain(spec.root, false)
  if (kind === CORE.TYPE_SIZE) return plain(sizeOf(spec, spec.root))
  return plain(1)
}

function enumeratorValue(kind: number, spec: CoreSpec | undefined): CoreValue | undefined {
  if (kind === CORE.ENUMVAL_EXISTS) return plain(spec ? 1 : 0)
  if (!spec) return undefined
  const { type, index } = spec.accessors[0]!
  return plain(spec.btf.enumerators(type)[index]!.value)
}

function sizeOf({ btf }: CoreSpec, type: number): number {
  const size = btf.size(type)
  if (size === undefined)
    throw new CoreError('BAD_VALUE', `[${type}] ${btf.kindName(type)} ${btf.name(type)} has no size`)
  return size
}

/** A load or store takes one element of an array. */
function elementSize(spec: CoreSpec, typeId: number): number {
  let type = spec.btf.resolve(typeId)
  for (let i = 0; i < 64 && spec.btf.kind(type) === BTF_KIND.ARRAY; i++)
    type = spec.btf.resolve(spec.btf.array(type).element)
  return sizeOf(spec, type)
}

function fieldValue(kind: number, spec: CoreSpec): CoreValue {
  const { btf } = spec
  const last = spec.accessors.at(-1)!
  if (last.name === undefined) {
    if (kind === CORE.FIELD_BYTE_SIZE) return plain(sizeOf(spec, last.type))
    if (kind !== CORE.FIELD_BYTE_OFFSET)
      throw new CoreError('BAD_VALUE', `${CORE_KINDS[kind]!.name} has no meaning for an element of an array`)
    const value = BigInt(Math.floor(spec.bitOffset / 8))
    return { value, size: elementSize(spec, last.type), type: last.type, exact: true }
  }

  const member = btf.members(last.type)[last.index]!
  const type = btf.resolve(member.type)
  const bitField = member.bitSize > 0
  const { byteOffset, byteSize, bitSize } = bitField
    ? bitFieldPlace(spec, type, member.bitSize)
    : wholePlace(spec, type)
  switch (kind) {
    case CORE.FIELD_BYTE_OFFSET:
      if (bitField) return plain(byteOffset, false)
      return { value: BigInt(byteOffset), size: elementSize(spec, type), type, exact: true }
    case CORE.FIELD_BYTE_SIZE:
      return plain(byteSize, !bitField)
    case CORE.FIELD_SIGNED: {
      const signed = btf.isEnum(type)
        ? btf.flag(type)
        : btf.kind(type) === BTF_KIND.INT && btf.integer(type).signed
      return plain(signed ? 1 : 0)
    }
    case CORE.FIELD_LSHIFT_U64:
      return plain(64 - (spec.bitOffset + bitSize - byteOffset * 8), !bitField)
    default:
      return plain(64 - bitSize)
  }
}

interface Place {
  readonly byteOffset: number
  readonly byteSize: number
  readonly bitSize: number
}

function wholePlace(spec: CoreSpec, type: number): Place {
  const byteSize = sizeOf(spec, type)
  return { byteOffset: Math.floor(spec.bitOffset / 8), byteSize, bitSize: byteSize * 8 }
}

/** The smallest aligned integer, of the field's type or wider, that has all bits of the field. */
function bitFieldPlace(spec: CoreSpec, type: number, bitSize: number): Place {
  let byteSize = sizeOf(spec, type)
  if (byteSize === 0) throw new CoreError('BAD_VALUE', `a bit field of type ${type}, which has no bytes`)
  const aligned = (): number => Math.floor(spec.bitOffset / 8 / byteSize) * byteSize
  while (spec.bitOffset + bitSize - aligned() * 8 > byteSize * 8) {
    if (byteSize >= 8) throw new CoreError('BAD_VALUE', 'the bit field cannot be read with 64 bits at once')
    byteSize *= 2
  }
  return { byteOffset: aligned(), byteSize, bitSize }
}
