import { control, type LowerI32, type LowerI64, type MapWords } from '@skep/registry'
import {
  BUCKETS,
  KEY,
  MASK,
  NEXT,
  REFERENCED,
  SECRET,
  SECRET_BASE,
  STATE,
  VALUE,
  VALUE_SCALE,
  VALUE_STRIDE,
} from './layout/hash.ts'

interface HashKind {
  readonly lru?: boolean
  readonly perCpu?: boolean
}

type Lowering = (map: MapWords) => LowerI32 | undefined

/**
 * The way of most lookups in a hash, for keys of 4 and 8 bytes: the key is that of the bucket's first or second element, or
 * there is none. What lies further behind, and in an LRU what has no mark yet, is left to the call (assembly/hash.ts, `lookup`).
 */
export const lowerHash =
  ({ lru = false, perCpu = false }: HashKind = {}): Lowering =>
  (map) => {
    const { keySize } = map.spec
    if (keySize !== 4 && keySize !== 8) return undefined
    const { key } = map
    const at = (offset: number): LowerI64 => ['i64.load', map.address, offset]
    const call: LowerI32 = ['i32.wrap_i64', ['call']]

    // hash4 and hash8 of assembly/hash-layout.ts.
    const low: LowerI64 = ['i64.load32_u', key]
    const sum: LowerI64 =
      keySize === 4
        ? ['i64.mul', ['i64.add', low, at(SECRET)], at(SECRET + 8)]
        : ['i64.mul', ['i64.add', low, at(SECRET)], ['i64.add', ['i64.load32_u', key, 4], at(SECRET + 8)]]
    const hash: LowerI32 = ['i32.wrap_i64', ['i64.shr_u', ['i64.add', sum, at(SECRET_BASE)], ['i64', 32]]]
    const bucket: LowerI32 = ['i32.shl', ['i32.and', hash, map.word(MASK)], ['i32', 2]]

    const own: LowerI32 = ['i32.mul', ['i32.load', ['control'], control.CTL_CPU], map.word(VALUE_STRIDE)]
    const valueAt = (element: LowerI32): LowerI32 => {
      const scaled: LowerI32 = ['i32.mul', element, map.word(VALUE_SCALE)]
      const value: LowerI32 = ['i32.add', scaled, map.word(VALUE)]
      return perCpu ? ['i32.add', value, own] : value
    }
    const same = (element: LowerI32): LowerI32 =>
      keySize === 4
        ? ['i32.eq', ['i32.load', element, KEY], ['i32.load', key]]
        : ['i64.eq', ['i64.load', element, KEY], ['i64.load', key]]
    const found = (element: LowerI32): LowerI32 =>
      lru
        ? ['if', ['i32.eq', ['i32.load', element, STATE], ['i32', REFERENCED]], valueAt(element), call]
        : valueAt(element)
    // Ends are 0 and, in shared memory, odd.
    const isEnd = (element: LowerI32): LowerI32 => [
      'shared',
      ['i32.or', ['i32.eqz', element], ['i32.and', element, ['i32', 1]]],
      ['i32.eqz', element],
    ]
    const look = (name: string, at: LowerI32, missing: LowerI32, next: LowerI32): LowerI32 => {
      const element: LowerI32 = ['get', name]
      const there: LowerI32 = ['if', same(element), found(element), next]
      return ['let', name, at, ['if', isEnd(element), missing, there]]
    }
    const none: LowerI32 = ['i32', 0]
    // Behind another element the end may be that of another bucket: the call looks.
    const second = look('second', ['i32.load', ['get', 'first'], NEXT], ['shared', call, none], call)
    return look('first', ['i32.load', ['i32.add', bucket, map.word(BUCKETS)]], none, second)
  }
