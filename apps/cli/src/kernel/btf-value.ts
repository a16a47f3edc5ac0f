import { BTF_KIND, type Btf } from '@skep/btf'

// Values by their BTF types as bpftool's JSON has them (tools/bpf/bpftool/btf_dumper.c).

const wide = (view: DataView, at: number, size: number, signed: boolean): bigint | number => {
  switch (size) {
    case 1:
      return signed ? view.getInt8(at) : view.getUint8(at)
    case 2:
      return signed ? view.getInt16(at, true) : view.getUint16(at, true)
    case 4:
      return signed ? view.getInt32(at, true) : view.getUint32(at, true)
    default:
      return signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true)
  }
}

const hex128 = (view: DataView, at: number): string => {
  const [low, high] = [view.getBigUint64(at, true), view.getBigUint64(at + 8, true)]
  return `0x${((high << 64n) | low).toString(16)}`
}

const isPrintable = (byte: number): boolean => byte >= 32 && byte < 127

/** The text of an array of characters, where it is one: printable up to a NUL with nothing but NULs behind. */
function textOf(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0)
  if (end < 0 || bytes.subarray(end).some((byte) => byte !== 0)) return undefined
  const text = bytes.subarray(0, end)
  return text.every(isPrintable) ? Buffer.from(text).toString('latin1') : undefined
}

function bitField(view: DataView, bitOffset: number, bits: number, signed: boolean): number | bigint {
  let value = 0n
  for (let bit = 0; bit < bits; bit++) {
    const at = bitOffset + bit
    if ((view.getUint8(at >> 3) >> (at & 7)) & 1) value |= 1n << BigInt(bit)
  }
  const read = signed ? BigInt.asIntN(bits, value) : value
  return bits > 32 ? read : Number(read)
}

/** A value of a type, whose bytes begin at `at`. */
export function btfValue(btf: Btf, id: number, view: DataView, at = 0): unknown {
  const type = btf.resolve(id)
  switch (btf.kind(type)) {
    case BTF_KIND.INT: {
      const { bool, char, signed } = btf.integer(type)
      const size = btf.size(type)!
      if (bool) return view.getUint8(at) !== 0
      if (size === 16) return hex128(view, at)
      if (char && size === 1 && isPrintable(view.getUint8(at))) return String.fromCharCode(view.getUint8(at))
      return wide(view, at, size, signed)
    }
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64: {
      const size = btf.size(type)!
      const number = wide(view, at, size, btf.flag(type))
      const named = btf.enumerators(type).find(({ value }) => BigInt(value) === BigInt(number))
      return named ? named.name : number
    }
    case BTF_KIND.PTR:
      return `0x${view.getBigUint64(at, true).toString(16)}`
    case BTF_KIND.ARRAY: {
      const { element, count } = btf.array(type)
      const inner = btf.resolve(element)
      if (btf.kind(inner) === BTF_KIND.INT && btf.size(inner) === 1 && btf.name(inner) === 'char') {
        const text = textOf(new Uint8Array(view.buffer, view.byteOffset + at, count))
        if (text !== undefined) return text
      }
      const size = btf.size(element) ?? 0
      return Array.from({ length: count }, (_, n) => btfValue(btf, element, view, at + n * size))
    }
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
      return Object.fromEntries(
        btf.members(type).map(({ name, type: member, bitOffset, bitSize }) => {
          if (bitSize === 0) return [name, btfValue(btf, member, view, at + bitOffset / 8)]
          const base = btf.resolve(member)
          const signed = btf.kind(base) === BTF_KIND.INT ? btf.integer(base).signed : btf.flag(base)
          return [name, bitField(view, 8 * at + bitOffset, bitSize, signed)]
        }),
      )
    case BTF_KIND.DATASEC:
      return {
        [btf.name(type)]: btf.sectionVariables(type).map(({ type: variable, offset }) => ({
          [btf.name(variable)]: btfValue(btf, btf.target(variable), view, at + offset),
        })),
      }
    default:
      return '(anon)'
  }
}
