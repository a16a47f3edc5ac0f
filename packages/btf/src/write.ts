import type { Btf } from './btf.ts'
import { BtfError } from './errors.ts'
import { BTF_MAGIC, HEADER_SIZE } from './parse.ts'

const total = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0)

/** Raw BTF of a type and a string section, each given in parts. */
export function assembleBtf(types: readonly Uint8Array[], strings: readonly Uint8Array[]): Uint8Array {
  const typeSize = total(types)
  const stringSize = total(strings)
  const out = new Uint8Array(HEADER_SIZE + typeSize + stringSize)
  const view = new DataView(out.buffer)
  view.setUint16(0, BTF_MAGIC, true)
  view.setUint8(2, 1)
  for (const [i, word] of [HEADER_SIZE, 0, typeSize, typeSize, stringSize].entries())
    view.setUint32(4 + i * 4, word, true)
  let at = HEADER_SIZE
  for (const part of [...types, ...strings]) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Split BTF and its base as one BTF, in which every type keeps its id. The base must have none of its own. */
export function joinBtf(split: Btf): Uint8Array {
  const parts = split.base ? [split.base, split] : [split]
  if (parts[0]!.base) throw new BtfError('BAD_VALUE', 0, 'the base of the split BTF is split itself')
  const section =
    (field: number) =>
    ({ bytes }: Btf): Uint8Array => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const start = view.getUint32(4, true) + view.getUint32(field, true)
      return bytes.subarray(start, start + view.getUint32(field + 4, true))
    }
  return assembleBtf(parts.map(section(8)), parts.map(section(16)))
}
