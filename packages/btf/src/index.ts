export {
  Btf,
  type BtfEnumerator,
  type BtfInteger,
  type BtfMember,
  type BtfParam,
  type BtfSectionVariable,
} from './btf.ts'
export {
  type BtfCoreRelocation,
  type BtfExt,
  type BtfFuncInfo,
  type BtfLineInfo,
  buildBtfExt,
  parseBtfExt,
} from './btf-ext.ts'
export {
  BtfBuilder,
  type BtfIntegerOptions,
  buildBtf,
  type MemberToBuild,
} from './builder.ts'
export { type CHeaderOptions, formatC, formatCDeclaration, formatCHeader } from './c-header.ts'
export * as codec from './codec.ts'
export { type Codec, CodecError, type Decoded } from './codec.ts'
export { type BtfValue, type CodecForOptions, codecFor } from './codec-for.ts'
export { CoreError, type CoreErrorCode } from './core/error.ts'
export { CORE_POISON, type CoreResolution, patchCore } from './core/patch.ts'
export { CoreRelocator, needsTarget } from './core/relocate.ts'
export { type BtfDescription, describeType, formatType } from './describe.ts'
export { BtfError, type BtfErrorCode } from './errors.ts'
export { BTF_KIND, BTF_LINKAGE, type BtfKind } from './kinds.ts'
export { BtfMerger, type MergedBtf, type MergedVariable, type PartType } from './merge.ts'
export { parseBtf } from './parse.ts'
export {
  BTF_SHOW,
  createKernelTypes,
  type KernelTypes,
  type ShowMemory,
  type ShowPorts,
  showType,
} from './show.ts'
export { type FieldKind, type SpecialField, specialFields } from './special-fields.ts'
export { StringTable } from './strings.ts'
export { TsTypes } from './ts-types.ts'
export { joinBtf } from './write.ts'
