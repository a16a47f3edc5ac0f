import { jsonValue } from './output.ts'

/** JSON with numbers of 64 bits as numbers, as bpftool writes them. */
export function wideJson(value: unknown, pretty: boolean): string {
  const text = JSON.stringify(
    value,
    (key, one: unknown) => (typeof one === 'bigint' ? `\u0001${one}\u0001` : jsonValue(key, one)),
    pretty ? 2 : undefined,
  )
  return text.replaceAll(/"\\u0001(-?\d+)\\u0001"/g, '$1')
}
