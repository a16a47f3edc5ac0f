import { Btf } from './btf.ts'
import { BtfError } from './errors.ts'
import { BTF_KIND, KIND_SHAPES } from './kinds.ts'

export const BTF_MAGIC = 0xeb9f
export const HEADER_SIZE = 24
const VERSION = 1

/** The bytes in little-endian order, and whether they were so. */
export function littleEndian(
  bytes: Uint8Array,
  what: string,
  words: (view: DataView) => readonly (readonly [number, number])[],
): DataView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = view.getUint16(0, true)
  if (magic === BTF_MAGIC) return view
  if (view.getUint16(0, false) !== BTF_MAGIC) {
    throw new BtfError('BAD_MAGIC', 0, `${what} begins with 0x${magic.toString(16)}, not 0xeb9f`)
  }
  const copy = new DataView(Uint8Array.from(bytes).buffer)
  copy.setUint16(0, BTF_MAGIC, true)
  for (const [from, to] of words(view)) {
    for (let at = from; at + 4 <= Math.min(to, bytes.length); at += 4)
      copy.setUint32(at, view.getUint32(at), true)
  }
  return copy
}

interface Sections {
  readonly types: number
  readonly typesEnd: number
  readonly strings: number
  readonly stringsEnd: number
}

function readHeader(view: DataView): Sections {
  const header = view.getUint32(4, true)
  if (view.getUint8(2) !== VERSION)
    throw new BtfError('BAD_HEADER', 2, `BTF version ${view.getUint8(2)}, not ${VERSION}`)
  if (header < HEADER_SIZE)
    throw new BtfError('BAD_HEADER', 4, `a header of ${header} bytes, not ${HEADER_SIZE}`)
  const range = (at: number, what: string): [number, number] => {
    const start = header + view.getUint32(at, true)
    const end = start + view.getUint32(at + 4, true)
    if (end > view.byteLength)
      throw new BtfError('TRUNCATED', at, `the ${what} section ends at ${end} of ${view.byteLength} bytes`)
    return [start, end]
  }
  const [types, typesEnd] = range(8, 'type')
  const [strings, stringsEnd] = range(16, 'string')
  return { types, typesEnd, strings, stringsEnd }
}

function indexTypes(view: DataView, { types, typesEnd }: Sections): Uint32Array {
  const offsets: number[] = []
  for (let at = types; at < typesEnd; ) {
    if (at + 12 > typesEnd) throw new BtfError('TRUNCATED', at, 'a type ends past the type section')
    const info = view.getUint32(at + 4, true)
    const kind = (info >>> 24) & 31
    const shape = KIND_SHAPES[kind]
    if (!shape || kind === BTF_KIND.VOID) throw new BtfError('BAD_KIND', at, `unknown kind ${kind}`)
    const next = at + 12 + shape.fixed + shape.each * (info & 0xffff)
    if (next > typesEnd) throw new BtfError('TRUNCATED', at, `a ${shape.name} ends past the type section`)
    offsets.push(at)
    at = next
  }
  return Uint32Array.from(offsets)
}

/** Every name is in the string section, every reference names a type. */
function checkReferences(view: DataView, offsets: Uint32Array, types: number, strings: number): void {
  const name = (at: number): void => {
    const offset = view.getUint32(at, true)
    if (offset >= strings && offset !== 0)
      throw new BtfError('BAD_STRING', at, `a name at ${offset} of ${strings} bytes of strings`)
  }
  const reference = (at: number): void => {
    const id = view.getUint32(at, true)
    if (id >= types) throw new BtfError('BAD_TYPE', at, `type ${id} of ${types - 1}`)
  }
  for (const at of offsets) {
    const info = view.getUint32(at + 4, true)
    const shape = KIND_SHAPES[(info >>> 24) & 31]!
    name(at)
    if (shape.target) reference(at + 8)
    for (const word of shape.fixedTypes) reference(at + 12 + word * 4)
    if (shape.each === 0) continue
    const end = at + 12 + shape.fixed + shape.each * (info & 0xffff)
    for (let each = at + 12 + shape.fixed; each < end; each += shape.each) {
      if (shape.eachName >= 0) name(each + shape.eachName * 4)
      if (shape.eachType >= 0) reference(each + shape.eachType * 4)
    }
  }
}

/**
 * Reads BTF of either endianness (Documentation/bpf/btf.rst). Header, bounds, kinds, names and references are checked;
 * throws BtfError. `base` is what split BTF builds on: the kernel's under a module's.
 */
export function parseBtf(bytes: Uint8Array, base?: Btf): Btf {
  if (bytes.length < HEADER_SIZE)
    throw new BtfError('TRUNCATED', 0, `BTF has ${bytes.length} bytes, its header alone ${HEADER_SIZE}`)
  const view = littleEndian(bytes, 'BTF', (big) => {
    const header = big.getUint32(4)
    const types = header + big.getUint32(8)
    // All of the type section is words of 32 bits.
    return [
      [4, Math.min(header, bytes.length)],
      [types, types + big.getUint32(12)],
    ]
  })
  const sections = readHeader(view)
  const own = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const strings = own.subarray(sections.strings, sections.stringsEnd)
  if (!base && (strings.length === 0 || strings[0] !== 0))
    throw new BtfError(
      'BAD_STRING',
      sections.strings,
      'the string section does not begin with an empty string',
    )
  if (strings.length > 0 && strings[strings.length - 1] !== 0)
    throw new BtfError('BAD_STRING', sections.stringsEnd - 1, 'the last string has no end')
  const offsets = indexTypes(view, sections)
  checkReferences(
    view,
    offsets,
    (base?.count ?? 1) + offsets.length,
    (base?.stringBytes ?? 0) + strings.length,
  )
  return new Btf(own, offsets, strings, sections.strings, base)
}
