import type { BtfValue, Codec, CodecForOptions } from '@skep/btf'
import type { CollectionSpec, MapSpec } from '@skep/registry'
import { RuntimeError } from './errors.ts'
import { btfTools } from './load-btf.ts'

/** Codecs of a map's key and value, out of the BTF that its definition names (`__type(key, …)`). Throws RuntimeError NO_BTF. */
export function btfCodecs(
  spec: CollectionSpec,
  name: string,
  options: CodecForOptions = {},
): { key: Codec<BtfValue>; value: Codec<BtfValue> } {
  const map: MapSpec = spec.maps.find((m) => m.name === name)!
  const bytes = map.btf ?? spec.btf
  const missing = (what: string): RuntimeError =>
    new RuntimeError(
      'NO_BTF',
      name,
      `map ${name} has no BTF type of its ${what}; write __type(${what}, T) and compile with -g, or give codecs`,
    )
  if (!bytes) throw missing('key')
  const { codecFor, parseBtf } = btfTools()
  const btf = parseBtf(bytes)
  const codecOf = (what: 'key' | 'value', type: number | undefined): Codec<BtfValue> => {
    if (!type) throw missing(what)
    return codecFor(btf, type, options)
  }
  return { key: codecOf('key', map.btfKey), value: codecOf('value', map.btfValue) }
}
