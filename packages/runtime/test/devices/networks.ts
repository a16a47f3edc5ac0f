import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { networkInterface, openPacketSocket, openTap } from '@skep/linux'
import type { PacketDevice } from '@skep/packet'
import { makeNamespaces, type Namespaces } from '../../../../vitest.namespaces.ts'
import { type Gateway, plan } from './gateway.ts'

type Side = 'client' | 'server'

const run = promisify(execFile)
const host = (name: string): string => fileURLToPath(new URL(`hosts/${name}.mjs`, import.meta.url))

/** What the gateway has towards a host: an interface whose programs the kernel runs, or a device of this process. */
export type Kind = 'kernel' | 'packet socket' | 'TAP'

/** A client and a server in namespaces of their own, with a gateway between them in a third. */
export class Networks implements AsyncDisposable {
  readonly namespaces: Namespaces = makeNamespaces('client', 'server', 'gateway')
  #server: ChildProcess | undefined
  /** Which of the hosts have a veth pair. */
  readonly #paired = new Set<Side>()

  /** Interfaces for both sides, in place of those that were. TAP interfaces go when they are closed. */
  async open(client: Kind, server: Kind): Promise<Gateway> {
    return { toClient: await this.#open('client', client), toServer: await this.#open('server', server) }
  }

  async #open(side: Side, kind: Kind): Promise<PacketDevice> {
    const { ip, of } = this.namespaces
    const name = `to_${side}`
    const address = plan[`${side}Gateway`]
    const ifindex = side === 'client' ? 1001 : 1002
    if (kind === 'TAP') {
      if (this.#paired.delete(side)) ip('gateway', `link del ${name}`)
      const tap = await openTap('eth0', { namespace: of(side), up: false, queueLength: 20_000, ifindex })
      this.#configure(side)
      return tap
    }
    if (!this.#paired.has(side)) {
      ip('gateway', `link add ${name} address ${address} type veth peer name eth0 netns {${side}}`)
      this.#configure(side)
      ip('gateway', `link set ${name} up`)
      this.#paired.add(side)
    }
    const namespace = of('gateway')
    if (kind === 'kernel') return networkInterface(name, { namespace })
    return openPacketSocket(name, { namespace, promiscuous: true, ifindex, ringFrames: 16_384 })
  }

  #configure(side: Side): void {
    const { addresses, other } = plan.hosts[side]
    this.namespaces.ip(
      side,
      `link set eth0 address ${plan[`${side}Mac`]}`,
      'link set eth0 up',
      ...addresses.map((address) => `addr add ${address}/24 dev eth0`),
      // Nobody asks who has an address: the gateway would not answer.
      `neigh replace ${other} lladdr ${plan[`${side}Gateway`]} dev eth0 nud permanent`,
    )
  }

  /** Starts the server's programs, and waits until they listen. */
  async serve(): Promise<void> {
    const { http, echo, flood, stream } = plan.ports
    const ports = [http, echo, flood, stream].map(({ target }) => String(target))
    const server = this.#spawn('server', process.execPath, [host('server'), ...ports])
    this.#server = server
    server.stderr!.pipe(process.stderr)
    await once(server.stdout!, 'data')
  }

  async stopServing(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (!server || server.exitCode !== null) return
    const gone = once(server, 'exit')
    server.kill('SIGKILL')
    await gone
  }

  #spawn(name: Side, command: string, args: readonly string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.namespaces.of(name), command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** What a command that runs in front of the gateway prints. */
  async client(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('ip', ['netns', 'exec', this.namespaces.of('client'), command, ...args], {
      timeout: 60_000,
    })
    return stdout
  }

  /** What the client's program says of what it was told to do. */
  async act(work: object): Promise<Record<string, unknown>> {
    return JSON.parse(await this.client(process.execPath, host('client'), JSON.stringify(work)))
  }

  /** A packet socket on a host's interface. */
  listen(name: Side): Promise<PacketDevice> {
    return openPacketSocket('eth0', { namespace: this.namespaces.of(name) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopServing()
    this.namespaces[Symbol.dispose]()
  }
}
