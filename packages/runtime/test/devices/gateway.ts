import { readFileSync } from 'node:fs'
import { attachTc, type TcAttachOptions } from '@skep/hook-tc'
import { attachXdp } from '@skep/hook-xdp'
import { NetworkInterface } from '@skep/linux'
import { ipv4, mac, type PacketDevice } from '@skep/packet'
import { type Collection, parseElf, type Runtime } from '../../src/index.ts'

const object = new URL('../../testdata/devices/gateway.o', import.meta.url)

const be16 = (port: number): number => ((port & 0xff) << 8) | (port >> 8)
const be32 = (address: string): number => new DataView(ipv4.parse(address).buffer).getUint32(0, true)

const TCP = 6
const UDP = 17
const ICMP = 1

/** A port that clients see; what the server listens on, and the class of the shaper. */
interface Service {
  readonly port: number
  readonly target: number
  readonly protocol: number
  readonly class: number
}

const services: Readonly<Record<'http' | 'echo' | 'flood' | 'stream' | 'ping', Service>> = {
  http: { port: 80, target: 8080, protocol: TCP, class: 0 },
  echo: { port: 7, target: 7000, protocol: UDP, class: 0 },
  flood: { port: 7001, target: 7101, protocol: UDP, class: 1 },
  stream: { port: 7002, target: 7102, protocol: UDP, class: 2 },
  ping: { port: 0, target: 0, protocol: ICMP, class: 0 },
}

/** The two networks: clients see `service`, which is nobody's address, and the server sees `masquerade`. */
export const plan = {
  hosts: {
    client: { addresses: ['10.1.0.1', '10.1.0.66'], other: '10.1.0.100' },
    server: { addresses: ['10.2.0.1'], other: '10.2.0.254' },
  },
  outlaw: '10.1.0.66',
  service: '10.1.0.100',
  server: '10.2.0.1',
  masquerade: '10.2.0.254',
  clientMac: '02:00:00:00:0a:01',
  clientGateway: '02:00:00:00:0a:fe',
  serverMac: '02:00:00:00:0b:01',
  serverGateway: '02:00:00:00:0b:fe',
  ports: services as typeof services,
  closedPort: 2323,
  refusedPort: 9999,
  unknownPort: 5555,
} as const

/** Bytes per second and bytes at once, by class. */
export type Rates = Readonly<Record<number, { readonly rate: number; readonly burst: number }>>

/** Where the programs run: in front of the client's network and in front of the server's. */
export interface Gateway<Device extends PacketDevice = PacketDevice> {
  readonly toClient: Device
  readonly toServer: Device
}

/** Loads the programs, tells them of the networks, and attaches them. The same for both engines. */
export async function attachGateway(runtime: Runtime, gateway: Gateway, rates: Rates): Promise<Collection> {
  const collection = await runtime.load(parseElf(readFileSync(object), { platform: runtime.platform }))
  const { toClient, toServer } = gateway
  const rules = collection.map('rules', 'btf')
  const none = { packets: 0n, bytes: 0n }
  const rule = (address: number, port: number, protocol: number) => ({
    address,
    port: be16(port),
    protocol,
    zero: 0,
  })
  rules.set(rule(0, plan.closedPort, TCP), none)
  rules.set(rule(0, plan.refusedPort, UDP), none)
  rules.set(rule(be32(plan.outlaw), 0, 0), none)
  const bytes = (text: string): number[] => [...mac.parse(text)]
  const sides = collection.map('sides', 'btf')
  sides.set(0, {
    ifindex: toServer.ifindex,
    address: be32(plan.masquerade),
    destination: bytes(plan.serverMac),
    source: bytes(plan.serverGateway),
  })
  sides.set(1, {
    ifindex: toClient.ifindex,
    address: be32(plan.service),
    destination: bytes(plan.clientMac),
    source: bytes(plan.clientGateway),
  })
  const table = collection.map('services', 'btf')
  for (const { port, target, protocol, class: number } of Object.values(plan.ports))
    table.set(
      { port: be16(port), protocol, zero: 0 },
      { address: be32(plan.server), port: be16(target), class: number },
    )
  const buckets = collection.map('buckets', 'btf')
  for (const [number, { rate, burst }] of Object.entries(rates))
    buckets.set(Number(number), {
      rate: BigInt(rate),
      burst: BigInt(burst),
      tokens: BigInt(burst),
      filled: 0n,
      passed: none,
      dropped: none,
      first: 0n,
      last: 0n,
    })
  const firewall = collection.program('firewall', 'xdp')
  const devices = [toClient, toServer]
  // In the kernel packets find their ways themselves.
  const ways =
    toClient instanceof NetworkInterface
      ? {}
      : { redirect: new Map(devices.map((device) => [device.ifindex, device])) }
  const tc = (name: string, device: PacketDevice, options: TcAttachOptions): void =>
    void attachTc(collection.program(name, 'sched_cls'), device, { directAction: true, ...options })
  tc('to_server', toClient, { direction: 'ingress', ...ways })
  tc('to_client', toServer, { direction: 'ingress', ...ways })
  tc('shaper', toServer, { direction: 'egress' })
  for (const device of devices) attachXdp(firewall, device)
  return collection
}

interface Counts {
  readonly packets: bigint
  readonly bytes: bigint
}
interface Rows {
  readonly rules: [{ address: number; port: number; protocol: number }, Counts]
  readonly passed: [number, Counts]
  readonly strangers: [number, Counts]
  readonly flows: [
    { client_port: number; server_port: number; protocol: number },
    { service_port: number; out: Counts; in: Counts; server_reached: number },
  ]
  readonly buckets: [number, { passed: Counts; dropped: Counts }]
}

const count = ({ packets, bytes }: Counts): string => `${packets} packets, ${bytes} bytes`
const rowsOf = <Name extends keyof Rows>(collection: Collection, name: Name): Rows[Name][] =>
  [...collection.map(name, 'btf')] as unknown as Rows[Name][]

/**
 * What the programs counted. How many segments TCP takes for the same bytes is its own affair, so of TCP it is who spoke to
 * whom, and how far the server came.
 */
export function countsOf(collection: Collection): Readonly<Record<string, object>> {
  const kinds = ['icmp', 'tcp', 'udp', 'other', 'notIp', 'fragment']
  const refused = rowsOf(collection, 'rules').map(([{ address, port, protocol }, value]) => [
    `${address ? plan.outlaw : 'any'} ${protocol}/${be16(port)}`,
    protocol === TCP ? value.packets > 0n : count(value),
  ])
  const passed = rowsOf(collection, 'passed').map(([kind, value]) => [
    kinds[kind],
    kinds[kind] === 'tcp' ? value.packets > 0n : count(value),
  ])
  const flows = rowsOf(collection, 'flows').map(([key, value]) => [
    `${key.protocol} ${be16(key.client_port)} to ${be16(key.server_port)} as ${be16(value.service_port)}`,
    key.protocol === TCP ? value.server_reached : `${count(value.out)} out, ${count(value.in)} in`,
  ])
  const buckets = rowsOf(collection, 'buckets').map(([number, value]) => [
    number,
    `${count(value.passed)} passed, ${count(value.dropped)} dropped`,
  ])
  return {
    refused: Object.fromEntries(refused),
    passed: Object.fromEntries(passed),
    strangers: rowsOf(collection, 'strangers').map(([, value]) => count(value)),
    flows: Object.fromEntries(flows),
    buckets: Object.fromEntries(buckets),
  }
}
