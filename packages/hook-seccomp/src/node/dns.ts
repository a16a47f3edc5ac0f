import dns from 'node:dns'
import { isIP } from 'node:net'
import process from 'node:process'
import type { GuardOperation } from '../guard/operations.ts'
import { ask } from './ask.ts'
import { dnsError } from './errors.ts'
import type { Patches } from './patches.ts'

type Call = (this: unknown, ...args: unknown[]) => unknown

/** What a function of dns asks, and what Node's errors call it. */
function operationOf(name: string): { operation: GuardOperation; syscall: string } | undefined {
  if (name === 'lookup') return { operation: 'DNS_LOOKUP', syscall: 'getaddrinfo' }
  if (name === 'lookupService') return { operation: 'DNS_REVERSE', syscall: 'getnameinfo' }
  if (name === 'reverse') return { operation: 'DNS_REVERSE', syscall: 'getHostByAddr' }
  if (!name.startsWith('resolve')) return undefined
  const record = name.slice('resolve'.length)
  return { operation: 'DNS_RESOLVE', syscall: `query${/^[46]$|^$/.test(record) ? 'A' : record}` }
}

/** The error of a question that is refused; undefined for one that may be asked, or that no server is asked. */
function refusal(name: string, args: readonly unknown[]): Error | undefined {
  const [subject] = args
  const known = operationOf(name)
  if (known === undefined || typeof subject !== 'string' || subject === '') return undefined
  const { operation, syscall } = known
  if (operation === 'DNS_LOOKUP' && isIP(subject) !== 0) return undefined
  const detail = name === 'resolve' && typeof args[1] === 'string' ? args[1] : name.slice('resolve'.length)
  const errno = ask({
    operation,
    path: subject,
    ...(operation === 'DNS_RESOLVE' ? { detail } : {}),
    ...(operation === 'DNS_REVERSE' ? { address: isIP(subject) === 0 ? '' : subject } : {}),
    ...(name === 'lookupService' ? { port: Number(args[1]) || 0 } : {}),
  })
  return errno === 0 ? undefined : dnsError(errno, syscall, subject)
}

const calling = (name: string) => (original: unknown) =>
  function (this: unknown, ...args: unknown[]): unknown {
    const error = refusal(name, args)
    const done = args.at(-1)
    if (error === undefined) return Reflect.apply(original as Call, this, args)
    if (typeof done !== 'function') throw error
    process.nextTick(done as () => void, error)
    return {}
  } as never

const promising = (name: string) => (original: unknown) =>
  function (this: unknown, ...args: unknown[]): unknown {
    const error = refusal(name, args)
    return error === undefined ? Reflect.apply(original as Call, this, args) : Promise.reject(error)
  } as never

const servers = (original: unknown) =>
  function (this: unknown, list: unknown): unknown {
    const taken = Array.isArray(list) ? list.map(String) : list
    const path = Array.isArray(taken) ? taken.join(',') : ''
    const errno = ask({ operation: 'DNS_SERVERS', path })
    if (errno !== 0) throw dnsError(errno, 'setServers', path)
    return Reflect.apply(original as Call, this, [taken])
  } as never

/** The functions of dns, of its promises, and of resolvers. */
export function patchDns(patches: Patches): void {
  const { promises } = dns
  for (const name of Object.keys(dns)) if (operationOf(name)) patches.wrap(dns, name, calling(name))
  for (const name of Object.keys(promises))
    if (operationOf(name)) patches.wrap(promises, name, promising(name))
  for (const [{ prototype }, wrap] of [
    [dns.Resolver, calling],
    [promises.Resolver, promising],
  ] as const) {
    for (const name of Object.getOwnPropertyNames(prototype))
      if (operationOf(name)) patches.wrap(prototype, name, wrap(name))
    patches.wrap(Object.getPrototypeOf(prototype) as object, 'setServers', servers)
    patches.wrap(prototype, 'setServers', servers)
  }
  patches.wrap(dns, 'setServers', servers)
  patches.wrap(promises, 'setServers', servers)
}
