import { control, type LowerI32, mapLayout as layout, type MapWords } from '@skep/registry'

/** What stands at the index that a key is, `element` its offset from MAP_DATA; 0 for an index past the end. */
function lowerIndex(map: MapWords, found: (element: LowerI32) => LowerI32): LowerI32 {
  const index: LowerI32 = ['get', 'index']
  const element: LowerI32 = ['i32.mul', index, ['i32', map.word(layout.MAP_STRIDE)]]
  const inside: LowerI32 = ['i32.lt_u', index, ['i32', map.spec.maxEntries]]
  const key: LowerI32 = ['i32.wrap_i64', ['arg', 0]]
  return ['let', 'index', ['i32.load', key], ['if', inside, found(element), ['i32', 0]]]
}

/** A lookup in a per-CPU array (assembly/percpu-array.ts): this CPU's value. */
export const lowerPerCpuArray = (map: MapWords): LowerI32 => {
  const cpu: LowerI32 = ['i32.load', ['control'], control.CTL_CPU]
  // From one CPU's array to the next.
  const area: LowerI32 = ['i32', map.word(layout.MAP_PRIVATE)]
  const own: LowerI32 = ['i32.add', ['i32.mul', cpu, area], ['i32', map.word(layout.MAP_DATA)]]
  return lowerIndex(map, (element) => ['i32.add', element, own])
}

/** A lookup in an array of maps (assembly/slots.ts): the address of the inner map, or 0. */
export const lowerSlots = (map: MapWords): LowerI32 =>
  lowerIndex(map, (element) => ['i32.load', ['i32.add', element, ['i32', map.word(layout.MAP_DATA)]]])
