import type { JsMapOps, MapOp } from '@skep/registry'

/** Wasm functions with the signatures of layout/map.ts, by operation. */
export type JsMapExports = Readonly<Partial<Record<MapOp, (...args: never[]) => number>>>

/** Parameters behind the map's address: addresses, or the 64-bit flags of an update. */
export const jsOpShapes: Readonly<
  Record<'lookup' | 'update' | 'delete' | 'push' | 'pop' | 'peek', readonly ('address' | 'flags')[]>
> = {
  lookup: ['address'],
  update: ['address', 'address', 'flags'],
  delete: ['address'],
  push: ['address', 'flags'],
  pop: ['address'],
  peek: ['address'],
}

/**
 * A module of these functions, each of which leaves out the map's address, narrows flags to 32 bits (those above become
 * 0xffff_ffff: no operation knows such flags) and calls the import of its name. Base64; the test beside this file makes it.
 */
export const JS_OPS_MODULE: string =
  'AGFzbQEAAAABIgVgAX8Bf2ADf39/AX9gAn9/AX9gBH9/f34Bf2ADf39+AX8CQgYCanMGbG9va3VwAAACanMGdXBkYXRlAAEC' +
  'anMGZGVsZXRlAAACanMEcHVzaAACAmpzA3BvcAAAAmpzBHBlZWsAAAMHBgIDAgQCAgcwBgZsb29rdXAABgZ1cGRhdGUABwZk' +
  'ZWxldGUACARwdXNoAAkDcG9wAAoEcGVlawALCkUGBgAgARAACxQAIAEgAiADp0F/IANCIIhQGxABCwYAIAEQAgsSACABIAKn' +
  'QX8gAkIgiFAbEAMLBgAgARAECwYAIAEQBQsAOwRuYW1lAAgHbWFwLW9wcwEqBgYGbG9va3VwBwZ1cGRhdGUIBmRlbGV0ZQkE' +
  'cHVzaAoDcG9wCwRwZWVr'

let compiled: WebAssembly.Module | undefined

/** Wasm functions that call a plugin's JS operations, so that programs and helpers reach them like any other map's. */
export function wrapJsOps(ops: JsMapOps): JsMapExports {
  const names = Object.keys(jsOpShapes) as (keyof typeof jsOpShapes)[]
  const js = Object.fromEntries(
    names.map((name) => {
      const call = ops[name]?.bind(ops) as ((...args: number[]) => number) | undefined
      return [name, (...args: number[]) => call!(...args.map((a) => a >>> 0))]
    }),
  )
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(JS_OPS_MODULE), (char) => char.charCodeAt(0)))
  const { exports } = new WebAssembly.Instance(compiled, { js })
  return Object.fromEntries(names.filter((name) => ops[name]).map((name) => [name, exports[name]]))
}
