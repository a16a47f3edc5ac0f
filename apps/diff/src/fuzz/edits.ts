import type { Random } from '../random.ts'

/** Records of one size in an input: what a change of one field goes for. */
export interface Table {
  readonly start: number
  readonly count: number
  /** Bytes of a field. */
  readonly field: 1 | 2 | 4 | 8
}

const EDGES: readonly number[] = [
  0, 1, 2, 3, 4, 7, 8, 16, 24, 36, 40, 64, 0xff, 0x100, 0x7fff, 0x8000, 0xff00, 0xffff, 0x10000, 0x100_0000,
  0x1000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_f000, 0xffff_fff8, 0xffff_ffff,
]

/** A value at which things happen. */
export function wildNumber(random: Random): number {
  const kind = random.below(10)
  if (kind < 3) return random.below(80)
  if (kind < 7) return random.pick(EDGES)
  // A kind of BTF type with some members.
  if (kind < 8) return ((random.below(22) << 24) | random.below(9)) >>> 0
  return random.u32()
}

const read = (view: DataView, at: number, size: 1 | 2 | 4 | 8): number =>
  size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at, true) : view.getUint32(at, true)

function write(view: DataView, at: number, size: 1 | 2 | 4 | 8, value: number): void {
  if (size === 1) view.setUint8(at, value)
  else if (size === 2) view.setUint16(at, value, true)
  else view.setUint32(at, value, true)
}

/** Changes one field of a table: to a value with edges, by a little, to what another field holds. */
export function editField(random: Random, bytes: Uint8Array, tables: readonly Table[]): void {
  const { start, count, field } = random.pick(tables)
  if (count === 0) return
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = start + random.below(count) * field
  const other = start + random.below(count) * field
  if (Math.max(at, other) + field > bytes.length) return
  const kind = random.below(10)
  const now = read(view, at, field)
  if (kind < 5) write(view, at, field, wildNumber(random))
  else if (kind < 7) write(view, at, field, now + random.pick([-8, -1, 1, 2, 8, 64]))
  else if (kind < 9) write(view, at, field, read(view, other, field))
  else write(view, at, field, now ^ (1 << random.below(8 * Math.min(field, 4))))
}

/** Changes bytes without regard to what they are: single ones, cuts, moves, insertions. */
export function editBytes(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(random.below(256))
  const at = random.below(bytes.length)
  const to = at + random.below(Math.min(bytes.length - at, 256)) + 1
  switch (random.below(5)) {
    case 0: {
      const out = bytes.slice()
      for (let times = 1 + random.below(20); times > 0; times--)
        out[random.below(out.length)] = random.below(256)
      return out
    }
    case 1:
      return bytes.slice(0, at)
    case 2: {
      const out = bytes.slice()
      out.copyWithin(random.below(out.length), at, to)
      return out
    }
    case 3:
      return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(to))
    default:
      return Uint8Array.of(...bytes.subarray(0, to), ...bytes.subarray(at, to), ...bytes.subarray(to))
  }
}

const WORDS = /[A-Za-z_.][\w.]*|0x[0-9a-fA-F]+|\d+|\s+|[^\w\s]/g

const NUMBERS: readonly string[] = [
  ...[
    '0',
    '1',
    '4',
    '16',
    '31',
    '32',
    '255',
    '256',
    '4095',
    '4096',
    '4097',
    '65535',
    '65536',
    '-1',
    '-2147483648',
  ],
  ...[
    '2147483648',
    '4294967295',
    '4294967296',
    '99999999999999999999',
    '1e9',
    '0x',
    '0xffffffff',
    '08',
    '0b1',
    '1.5',
  ],
]

/** A number that is much the same, or one at which things happen. */
function numberNear(random: Random, word: string): string {
  const now = Number(word)
  if (random.chance(0.2) || !Number.isInteger(now)) return random.pick(NUMBERS)
  return random.chance(0.5)
    ? String(Math.max(0, now + random.pick([-2, -1, 1, 4])))
    : String(wildNumber(random))
}

/** Changes a text word by word: numbers, places, repetitions, words of `others`. */
export function editText(random: Random, text: string, others: readonly string[]): string {
  const words: string[] = text.match(WORDS) ?? []
  if (words.length === 0) return random.pick(others)
  const stray = (): string =>
    random.weighted([
      [3, random.pick<string>(random.pick(others).match(WORDS) ?? [''])],
      [3, random.pick(NUMBERS)],
      [1, String.fromCharCode(random.below(0x180))],
      [
        1,
        random.pick([
          '\n',
          ' ',
          '"',
          "'",
          '#',
          '/*',
          '(',
          ')',
          '[',
          ']',
          '{',
          '}',
          ',',
          ':',
          '\0',
          '\u{1f41d}',
        ]),
      ],
    ])
  const numbers = words.flatMap((word, at) => (/^\d/.test(word) ? [at] : []))
  for (let times = 1 + random.below(3); times > 0; times--) {
    if (numbers.length > 0 && random.chance(0.6)) {
      const at = random.pick(numbers)
      if (at < words.length) words[at] = numberNear(random, words[at]!)
      continue
    }
    const at = random.below(words.length)
    switch (random.below(7)) {
      case 0:
      case 1:
        words[at] = stray()
        break
      case 2:
        words.splice(at, 0, stray())
        break
      case 3:
        words.splice(at, 1 + random.below(3))
        break
      case 4:
        words.splice(random.below(words.length), 0, ...words.slice(at, at + 1 + random.below(8)))
        break
      case 5:
        words.length = at + 1
        break
      default: {
        // Rarely far more of the same than anybody writes.
        const often = random.chance(0.02) ? 3000 : 2 + random.below(10)
        words[at] = words[at]!.repeat(often)
      }
    }
    if (words.length === 0) words.push(stray())
  }
  return words.join('')
}
