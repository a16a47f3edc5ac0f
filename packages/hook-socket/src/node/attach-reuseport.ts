import { Socket as Datagram, type RemoteInfo } from 'node:dgram'
import { Server, type Socket as Stream } from 'node:net'
import { control, type Link, type MapHandle, objectAt, skbLayout as skb } from '@skep/registry'
import { SocketAttachError } from '../errors.ts'
import { skReuseportContext, skReuseportProgramType } from '../sk-reuseport.ts'
import { socketFilterProgramType } from '../socket-filter.ts'
import { addressBytes, holdSocket, localEnd, releaseSocket } from './arena-socket.ts'
import { Attachment, checkProgram, isPromise, type ProgramOf } from './attachment.ts'
import { DATAGRAM_ROOM, DatagramFrame, UDP_HEADER, UDP_OFFSET } from './datagram-frame.ts'
import { DatagramTap } from './datagram-tap.ts'
import { type MemberChannel, openChannel, type ReuseportTarget } from './reuseport-member.ts'
import { type RunSlot, SharedSlot } from './run-slot.ts'

/** A program that chooses: `collection.program(name, 'sk_reuseport')`, or a socket filter that returns an index. */
export type ReuseportProgram = ProgramOf<'sk_reuseport'> | ProgramOf<'socket_filter'>

export interface ReuseportOptions {
  /** The reuseport_sockarray, sockmap or sockhash of a sk_reuseport program. */
  readonly map?: MapHandle
}

/** Counters of one attachment, in datagrams or connections. */
export interface ReuseportStats {
  received: number
  /** Went to the member that the program chose. */
  selected: number
  /** The program chose none: they went to a member by the hash of their addresses. */
  hashed: number
  dropped: number
}

export interface ReuseportMember {
  readonly target: ReuseportTarget
  /** Its place among the members, which a socket filter returns, and its key in the map. */
  readonly index: number
  /** How many came to it. */
  readonly received: number
  /** Leaves the group; so it does when its socket, thread or process ends. */
  close(): void
}

export interface ReuseportLink extends Link {
  readonly stats: Readonly<ReuseportStats>
  readonly members: readonly ReuseportMember[]
  /**
   * Takes a member into the group, and into the map under its index: the first one that is free, unless said. Throws
   * SocketAttachError BAD_SOCKET, BAD_OPTION and UNSUPPORTED, and MapError.
   */
  add(target: ReuseportTarget, index?: number): ReuseportMember
}

const at = (name: string): number => skReuseportContext.fields.find((field) => field.name === name)!.offset
const [DATA, DATA_END, LEN, ETH_PROTOCOL, IP_PROTOCOL, HASH, SK] = [
  'data',
  'data_end',
  'len',
  'eth_protocol',
  'ip_protocol',
  'hash',
  'sk',
].map(at) as [number, number, number, number, number, number, number]
const TO_SOCKET = 3
const SK_DROP = 0
const IPPROTO_TCP = 6
const IPPROTO_UDP = 17
const TCP_HEADER = 20
const MAPS = ['reuseport_sockarray', 'sockmap', 'sockhash']

const links = new WeakMap<object, GroupLink>()
let groups = 0

/**
 * SO_ATTACH_REUSEPORT_EBPF for a socket of Node whose members are workers: for each datagram of a datagram socket, or connection
 * of a server, the program chooses who gets it: by bpf_sk_select_reuseport out of the map, or by the index that a socket filter
 * returns. Where it chooses nobody, a hash of the addresses does; SK_DROP drops. Throws SocketAttachError:
 * WRONG_PROGRAM_TYPE, BAD_PROGRAM, BAD_SOCKET, BAD_MAP, FOREIGN, and BUSY for a socket that has one.
 */
export function attachReuseport(
  program: ReuseportProgram,
  socket: Datagram | Server,
  options: ReuseportOptions = {},
): ReuseportLink {
  checkProgram(program, [skReuseportProgramType.name, socketFilterProgramType.name])
  if (program.attach)
    throw new SocketAttachError(
      'UNSUPPORTED',
      `the kernel runs program ${program.name}, and its groups are of sockets that share a port; use attachToKernel(program, 'reuseport', { socket }) of @skep/linux, or load the program into an engine of this process`,
    )
  if (!(socket instanceof Datagram || socket instanceof Server))
    throw new SocketAttachError(
      'BAD_SOCKET',
      isPromise(socket)
        ? 'a promise was given as socket; await it first'
        : 'what was given is neither a dgram.Socket nor a net.Server',
    )
  const { map } = options
  if (map !== undefined) {
    if (!MAPS.includes(map.type))
      throw new SocketAttachError(
        'BAD_MAP',
        `options.map is ${isPromise(map) ? 'a promise' : `of type ${map.type}`}; give a map of type ${MAPS[0]}`,
      )
    if (map.keySize !== 4)
      throw new SocketAttachError(
        'BAD_MAP',
        `keys of map ${map.name} have ${map.keySize} bytes, and indexes have 4`,
      )
    if (map.arena !== program.host.arena)
      throw new SocketAttachError(
        'FOREIGN',
        `map ${map.name} is of another runtime than program ${program.name}`,
      )
  }
  if (links.has(socket))
    throw new SocketAttachError('BUSY', 'a program chooses for this socket already; close its link first')
  const link = new GroupLink(program, socket, map)
  links.set(socket, link)
  return link
}

class Member implements ReuseportMember {
  readonly target: ReuseportTarget
  readonly index: number
  readonly leave: () => void
  channel: MemberChannel | undefined
  received = 0

  constructor(target: ReuseportTarget, index: number, leave: (member: Member) => void) {
    this.target = target
    this.index = index
    this.leave = () => leave(this)
  }

  close(): void {
    this.leave()
  }
}

class GroupLink extends Attachment<ReuseportProgram> implements ReuseportLink {
  readonly stats: ReuseportStats = { received: 0, selected: 0, hashed: 0, dropped: 0 }
  readonly #socket: Datagram | Server
  readonly #map: MapHandle | undefined
  readonly #group = ++groups
  /** By index; holes where members left. */
  readonly #members: (Member | undefined)[] = []
  readonly #onClose = (): void => this.leave()
  #slot!: SharedSlot
  #address = 0
  #frame: DatagramFrame | undefined
  #restore: () => void = () => {}

  constructor(program: ReuseportProgram, socket: Datagram | Server, map: MapHandle | undefined) {
    super('reuseport', program)
    this.#socket = socket
    this.#map = map
    this.opened(() => {
      const { arena } = program.host
      this.#slot = new SharedSlot(arena, 'datagram', skb.SKB_CONTEXT_SIZE, DATAGRAM_ROOM)
      this.#address = holdSocket(arena, socket)
      socket.once('close', this.#onClose)
      if (socket instanceof Server) this.#restore = this.#takeConnections(socket)
      else {
        DatagramTap.of(socket).set('select', (payload, from) =>
          this.#select(payload, from) === this.#socket ? payload : undefined,
        )
        this.#restore = () => DatagramTap.of(socket).delete('select')
      }
    })
  }

  get members(): readonly ReuseportMember[] {
    return this.#members.filter((one) => one !== undefined)
  }

  add(target: ReuseportTarget, index?: number): ReuseportMember {
    if (this.closed) throw new SocketAttachError('CLOSED', 'the link is closed; attach the program anew')
    const free = this.#members.indexOf(undefined)
    const place = index ?? (free < 0 ? this.#members.length : free)
    if (!Number.isInteger(place) || place < 0 || place > 0xffff)
      throw new SocketAttachError('BAD_OPTION', `index is ${place}; give an integer from 0 to 65535`)
    if (this.#members[place])
      throw new SocketAttachError(
        'BAD_OPTION',
        `there is a member ${place} already; close it first, or leave the index out`,
      )
    if (this.members.some((one) => one.target === target))
      throw new SocketAttachError('BAD_SOCKET', 'it is a member of this group already')
    const member = new Member(target, place, (one) => this.#leave(one))
    const { arena } = this.program.host
    member.channel = openChannel(target, {
      socket: this.#socket,
      group: this.#group,
      left: member.leave,
      send: (payload, port, address) => this.#send(payload, port, address),
    })
    const address = holdSocket(arena, target, this.#socket)
    try {
      this.#map?.update(keyOf(place), elementOf(address, this.#map.valueSize))
    } catch (error) {
      member.channel.close()
      releaseSocket(arena, target)
      throw error
    }
    while (this.#members.length <= place) this.#members.push(undefined)
    this.#members[place] = member
    return member
  }

  #leave(member: Member): void {
    if (this.#members[member.index] !== member) return
    this.#members[member.index] = undefined
    while (this.#members.length > 0 && this.#members.at(-1) === undefined) this.#members.pop()
    member.channel?.close()
    // Its element of the map goes with its memory.
    releaseSocket(this.program.host.arena, member.target)
  }

  #send(payload: Uint8Array, port: number, address: string): void {
    const { host } = this.program
    try {
      ;(this.#socket as Datagram).send(payload, port, address, (error) => {
        if (error) host.emit('exception', error)
      })
    } catch (error) {
      // What a worker asks for must not end the dispatcher.
      host.emit('exception', error)
    }
  }

  protected detach(): void {
    const { arena } = this.program.host
    for (const member of [...this.#members]) if (member) this.#leave(member)
    this.#restore()
    this.#socket.off('close', this.#onClose)
    links.delete(this.#socket)
    releaseSocket(arena, this.#socket)
    this.#slot.release()
  }

  /** Connections go to members before listeners of `connection` see them. */
  #takeConnections(server: Server): () => void {
    const internals = server as Server & { pauseOnConnect?: boolean }
    const { pauseOnConnect } = internals
    // What a connection brings is its member's to read.
    internals.pauseOnConnect = true
    const own = Object.hasOwn(server, 'emit') ? server.emit : undefined
    const pass = (...args: unknown[]): boolean =>
      ((own ?? Object.getPrototypeOf(server).emit) as (...args: unknown[]) => boolean).apply(server, args)
    const passed = new WeakSet<object>()
    const emit = ((event: string, ...args: unknown[]): boolean => {
      const connection = args[0] as Stream
      if (event !== 'connection' || this.closed || passed.has(connection)) return pass(event, ...args)
      passed.add(connection)
      if (this.#connected(connection, pauseOnConnect ?? false) === server) pass(event, ...args)
      return true
    }) as Server['emit']
    server.emit = emit
    return () => {
      internals.pauseOnConnect = pauseOnConnect ?? false
      if (server.emit !== emit) return
      if (own) server.emit = own
      else delete (server as { emit?: Server['emit'] }).emit
    }
  }

  /** Who got the datagram. */
  #select(payload: Uint8Array, from: RemoteInfo): ReuseportTarget | undefined {
    const member = this.#choose((slot) => {
      this.#frame ??= new DatagramFrame(localEnd(this.#socket))
      const place = this.#frame.write(slot.arena.u8, slot.data, payload, from)
      return { ...place, data: UDP_OFFSET, payload: UDP_HEADER, ip: IPPROTO_UDP, peer: from }
    })
    if (member && member.target !== this.#socket) this.#give(() => member.channel!.datagram(payload, from))
    return member?.target
  }

  #connected(connection: Stream, paused: boolean): ReuseportTarget | undefined {
    const peer = { address: connection.remoteAddress ?? '0.0.0.0', port: connection.remotePort ?? 0 }
    const member = this.#choose((slot) => writeSyn(slot, connection, peer))
    if (!member) {
      connection.destroy()
      return undefined
    }
    if (!paused && (member.target instanceof Server || member.target instanceof Datagram)) {
      // Here it is read as if nobody had held it back.
      ;(connection as { readableFlowing: boolean | null }).readableFlowing = null
      connection.read(0)
    }
    if (member.target !== this.#socket) this.#give(() => member.channel!.connection(connection))
    return member.target
  }

  /** A member whose thread or process is gone, or whose listener throws, must not harm the others. */
  #give(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.program.host.emit('exception', error)
    }
  }

  #choose(write: (slot: RunSlot) => Arrived): Member | undefined {
    const { stats, program } = this
    stats.received++
    const choice = this.#slot.use((slot) => this.#run(slot, write))
    program.host.quiesce()
    if (choice.dropped) {
      stats.dropped++
      return undefined
    }
    const chosen = choice.index === undefined ? undefined : this.#members[choice.index]
    if (chosen) stats.selected++
    const members = chosen ? [] : this.#members.filter((one) => one !== undefined)
    const member = chosen ?? members[Math.floor((choice.hash / 2 ** 32) * members.length)]
    if (!member) {
      stats.dropped++
      return undefined
    }
    if (!chosen) stats.hashed++
    member.received++
    return member
  }

  #run(slot: RunSlot, write: (slot: RunSlot) => Arrived): { index?: number; dropped: boolean; hash: number } {
    const { program } = this
    const { arena } = program.host
    slot.clear(skb.SKB_CONTEXT_SIZE)
    const arrived = write(slot)
    const { u32 } = arena
    const put = (offset: number, value: number): void => {
      u32[(slot.context + offset) >> 2] = value
    }
    const hash = hashOf(arrived.peer)
    const byIndex = program.type === socketFilterProgramType.name
    // A filter sees the payload alone (run_bpf_filter, net/core/sock_reuseport.c).
    const skip = byIndex ? arrived.payload : 0
    const data = slot.data + arrived.data + skip
    const end = slot.data + arrived.data + arrived.length
    // Helpers on packets look where struct __sk_buff has the packet, which is behind struct sk_reuseport_md.
    put(skb.SKB_DATA, data)
    put(skb.SKB_DATA_END, end)
    put(skb.SKB_MAC_HEADER, slot.data + arrived.mac)
    put(skb.SKB_NETWORK_HEADER, slot.data + arrived.network)
    if (byIndex) {
      put(skb.SKB_LEN, end - data)
      put(skb.SKB_PROTOCOL, arrived.protocol)
      const index = slot.run(program)
      return { index, dropped: false, hash }
    }
    put(DATA, data)
    put(DATA_END, end)
    put(LEN, end - data)
    put(ETH_PROTOCOL, arrived.protocol)
    put(IP_PROTOCOL, arrived.ip)
    put(HASH, hash)
    put(SK, this.#address)
    const verdict = slot.run(program)
    if (verdict === SK_DROP) return { dropped: true, hash }
    const word = (offset: number): number => arena.u32[(slot.context + offset) >> 2]!
    if (word(control.RUN_REDIRECT) !== TO_SOCKET) return { dropped: false, hash }
    const target = objectAt(arena, word(control.RUN_REDIRECT_KEY))
    const index = this.#members.findIndex((one) => one !== undefined && one.target === target)
    return { ...(index < 0 ? {} : { index }), dropped: false, hash }
  }
}

/** What came, laid out in the slot's room: where its parts begin, from there. */
interface Arrived {
  readonly mac: number
  readonly network: number
  /** In network byte order, as a little-endian machine reads it. */
  readonly protocol: number
  /** The transport header, and how many bytes from there on. */
  readonly data: number
  readonly length: number
  /** Bytes of the transport header. */
  readonly payload: number
  readonly ip: number
  readonly peer: { readonly address: string; readonly port: number }
}

/** The segment that opened a connection, as far as Node knows: its addresses. */
function writeSyn(slot: RunSlot, { localAddress, localPort }: Stream, peer: Arrived['peer']): Arrived {
  const [source, destination] = [addressBytes(peer.address), addressBytes(localAddress ?? '0.0.0.0')]
  const four = source.length === 4
  const network = UDP_OFFSET - (four ? 20 : 40)
  const room = slot.arena.u8.subarray(slot.data, slot.data + UDP_OFFSET + TCP_HEADER).fill(0)
  const view = new DataView(room.buffer, room.byteOffset, room.length)
  view.setUint16(network - 2, four ? 0x0800 : 0x86dd)
  room[network] = four ? 0x45 : 0x60
  room[network + (four ? 9 : 6)] = IPPROTO_TCP
  view.setUint16(network + (four ? 2 : 4), four ? 20 + TCP_HEADER : TCP_HEADER)
  room.set(source, UDP_OFFSET - 2 * source.length)
  if (destination.length === source.length) room.set(destination, UDP_OFFSET - source.length)
  view.setUint16(UDP_OFFSET, peer.port)
  view.setUint16(UDP_OFFSET + 2, localPort ?? 0)
  room[UDP_OFFSET + 12] = (TCP_HEADER / 4) << 4
  room[UDP_OFFSET + 13] = 0x02
  return {
    mac: network - 14,
    network,
    protocol: four ? 0x0008 : 0xdd86,
    data: UDP_OFFSET,
    length: TCP_HEADER,
    payload: TCP_HEADER,
    ip: IPPROTO_TCP,
    peer,
  }
}

const keyOf = (index: number): Uint8Array => new Uint8Array(Uint32Array.of(index).buffer)

function elementOf(address: number, size: number): Uint8Array {
  const value = new Uint8Array(size)
  new DataView(value.buffer).setUint32(0, address, true)
  return value
}

/** A number for each peer (FNV-1a, and a last mixing). */
function hashOf({ address, port }: Arrived['peer']): number {
  let hash = 0x811c_9dc5 ^ port
  for (let n = 0; n < address.length; n++) hash = Math.imul(hash ^ address.charCodeAt(n), 0x0100_0193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
