export {
  Btf,
  type BtfEnumerator,
  type BtfInteger,
  type BtfMember,
  type BtfParam,
  type BtfSectionVariable,
  parseBtf,
} from './btf.ts'
export {
  type BtfCoreRelocation,
  type BtfExt,
  type BtfFuncInfo,
  type BtfLineInfo,
  parseBtfExt,
} from './btf-ext.ts'
export * as codec from './codec.ts'
export { type Codec, CodecError, type Decoded } from './codec.ts'
export { BtfError, type BtfErrorCode } from './errors.ts'
export { BTF_KIND, type BtfKind } from './kinds.ts'
