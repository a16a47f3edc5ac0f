import type { Socket } from 'node:net'
import type { Link, MapHandle, ProgramHandle } from '@skep/registry'
import { SocketAttachError } from '../errors.ts'
import type { SockmapLink, SockmapStats } from './attach-sockmap.ts'
import { checkStream, keyBytes, type SocketKey } from './sockmap-elements.ts'

/** Programs of the kernel on a map of the kernel: it steers what the sockets' descriptors get, past this process. */
export class KernelSockmapLink implements SockmapLink {
  readonly attachPoint = 'sockmap'
  readonly program: ProgramHandle
  readonly #map: MapHandle
  readonly #links: readonly Link[]

  constructor(map: MapHandle, programs: readonly ProgramHandle[]) {
    this.program = programs[0]!
    this.#map = map
    const links: Link[] = []
    try {
      for (const one of programs) links.push(one.attach!('sockmap', { map }))
    } catch (error) {
      for (const link of links) link.close()
      throw error
    }
    this.#links = links
  }

  /** The kernel counts nothing of it: the programs may. */
  get stats(): Readonly<SockmapStats> {
    return (this.#links[0] as SockmapLink).stats
  }

  get closed(): boolean {
    return this.#links.every((link) => link.closed)
  }

  set(key: SocketKey, socket: Socket, flags?: number): void {
    if (this.closed) throw new SocketAttachError('CLOSED', 'the link is closed; attach anew')
    checkStream(socket)
    const { fd = -1 } = (socket as unknown as { _handle: { fd?: number } })._handle
    const value = new Uint8Array(this.#map.valueSize)
    new DataView(value.buffer).setUint32(0, fd, true)
    this.#map.update(keyBytes(this.#map, key), value, flags)
  }

  delete(key: SocketKey): boolean {
    return this.#map.delete(keyBytes(this.#map, key))
  }

  close(): void {
    for (const link of this.#links) link.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
