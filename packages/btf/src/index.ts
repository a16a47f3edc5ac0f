export * as codec from './codec.ts'
export { type Codec, CodecError, type Decoded } from './codec.ts'
