import { type LowerI32, mapLayout as layout, type MapWords } from '@skep/registry'

/** A lookup in an array of maps (assembly/slots.ts): the address of the inner map, or 0. */
export function lowerSlots(map: MapWords): LowerI32 {
  const index: LowerI32 = ['get', 'index']
  const element: LowerI32 = ['i32.mul', index, ['i32', map.word(layout.MAP_STRIDE)]]
  const slot: LowerI32 = ['i32.add', element, ['i32', map.word(layout.MAP_DATA)]]
  const inside: LowerI32 = ['i32.lt_u', index, ['i32', map.spec.maxEntries]]
  const key: LowerI32 = ['i32.wrap_i64', ['arg', 0]]
  return ['let', 'index', ['i32.load', key], ['if', inside, ['i32.load', slot], ['i32', 0]]]
}
