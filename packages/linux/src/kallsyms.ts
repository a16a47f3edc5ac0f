import { readFileSync } from 'node:fs'

let table: string | undefined

/** The address of a symbol of the running kernel, or undefined; 0 where this process may not know addresses. */
export const kernelSymbol = (name: string): bigint | undefined => {
  table ??= `\n${readFileSync('/proc/kallsyms', 'latin1')}`
  for (const end of ['\n', '\t']) {
    const at = table.indexOf(` ${name}${end}`)
    if (at >= 0) return BigInt(`0x${table.slice(table.lastIndexOf('\n', at) + 1, at - 2)}`)
  }
  return undefined
}
