import { readFileSync } from 'node:fs'
import type { FilterResolver } from '@skep/loader-cbpf/filter'

/** The words of each line of a table below /etc, without comments; none where there is no such table. */
function table(file: string): readonly (readonly string[])[] {
  try {
    const lines = readFileSync(`/etc/${file}`, 'utf8').split('\n')
    return lines.map((line) => line.replace(/#.*/, '').trim().split(/\s+/)).filter(([first]) => first)
  } catch {
    return []
  }
}

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Rows of `name value alias…` by name and alias. */
const byName = (rows: readonly (readonly string[])[]): ReadonlyMap<string, string> =>
  new Map(
    rows.toReversed().flatMap(([name, value, ...aliases]) => [name!, ...aliases].map((one) => [one, value!])),
  )

/** Names as this machine's files have them: services, protocols, networks, hosts and ethers. No name server is asked. */
export function fileResolver(): FilterResolver {
  const hosts = once(() => table('hosts'))
  const ethers = once(() => new Map(table('ethers').map(([address, name]) => [name!, address!])))
  const networks = once(() => byName(table('networks')))
  const protocols = once(() => byName(table('protocols')))
  const services = once(() => {
    const known = new Map<string, number>()
    for (const [name, value = '', ...aliases] of table('services').toReversed()) {
      const [port, protocol] = value.split('/')
      for (const one of [name!, ...aliases]) known.set(`${one}/${protocol}`, Number(port))
    }
    return known
  })
  return {
    host(name) {
      const found = hosts().filter(([, ...names]) => names.includes(name))
      return found.length === 0 ? undefined : found.map(([address]) => address!)
    },
    network: (name) => networks().get(name),
    service: (name, protocol) => services().get(`${name}/${protocol}`),
    protocol(name) {
      const value = protocols().get(name)
      return value === undefined ? undefined : Number(value)
    },
    ether: (name) => ethers().get(name),
  }
}
