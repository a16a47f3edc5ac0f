import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Collection, type CollectionSpec, createDefaultPlatform, parseObject } from '../../src/index.ts'

const platform = createDefaultPlatform()

/** An object of `@skep/hook-socket`'s testdata; with names, only these of its programs. */
export function socketObject(name: string, ...programs: string[]): CollectionSpec {
  const url = new URL(`../../../hook-socket/testdata/${name}.o`, import.meta.url)
  const spec = parseObject(readFileSync(url), platform)
  return programs.length === 0
    ? spec
    : { ...spec, programs: spec.programs.filter((one) => programs.includes(one.name)) }
}

/** By what steer.bpf.c knows a connection: its own port and its peer's. */
export const portsOf = ({ localPort, remotePort }: Socket): Uint8Array =>
  new Uint8Array(Uint16Array.of(remotePort!, localPort!).buffer)

/** Connected over the loopback device: `near` is whose bytes are steered, `far` its peer. */
export interface Pair {
  readonly near: Socket
  readonly far: Socket
}

export async function connections(count: number): Promise<{ pairs: Pair[]; close: () => Promise<void> }> {
  const server = createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const pairs: Pair[] = []
  const accepted = new Set<Socket>()
  server.on('connection', (socket) => accepted.add(socket))
  for (let n = 0; n < count; n++) {
    const next = once(server, 'connection')
    const { port } = server.address() as AddressInfo
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    await once(far, 'connect')
    pairs.push({ near: (await next)[0] as Socket, far })
  }
  const close = async (): Promise<void> => {
    for (const socket of [...accepted, ...pairs.map(({ far }) => far)]) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { pairs, close }
}

/** All that comes until the end; the socket's other direction stays as it is. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
  socket.resume()
  await once(socket, 'end')
  return Buffer.concat(chunks)
}

/** Waits for something that other events bring about. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve))
}

/** A global variable as a number. */
export function numberOf(loaded: Collection, name: string): number {
  const bytes = loaded.readGlobal(name)
  const view = new DataView(bytes.buffer)
  return bytes.length === 8 ? Number(view.getBigUint64(0, true)) : view.getUint32(0, true)
}
