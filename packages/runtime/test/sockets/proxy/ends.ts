import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import process from 'node:process'

// The two ends of a proxy under load, each a process of its own.

/** `source PORT BYTES`: sends bytes that differ from place to place. `sink [hash]`: counts them, and tells their hash. */
const [, , role, ...rest] = process.argv

/** A block, and how often it is sent: its number stands at its begin. */
export const BLOCK: number = 1 << 16

export const fill = (block: Buffer): Buffer => {
  for (let at = 0; at < block.length; at++) block[at] = (at * 31) ^ (at >> 7)
  return block
}

function source(port: number, bytes: number): void {
  const socket: Socket = connect(port, '127.0.0.1')
  socket.on('data', () => {})
  socket.once('connect', () => {
    let block = 0
    const go = (): void => {
      while (block * BLOCK < bytes) {
        const next = fill(Buffer.allocUnsafe(BLOCK))
        next.writeUInt32LE(block++)
        if (socket.write(next)) continue
        socket.once('drain', go)
        return
      }
      socket.end()
    }
    // The filling costs more than the sending: without it, a few blocks again and again.
    const plain = [fill(Buffer.alloc(BLOCK)), fill(Buffer.alloc(BLOCK, 1))]
    const fast = (): void => {
      while (block * BLOCK < bytes) {
        if (socket.write(plain[block++ & 1]!)) continue
        socket.once('drain', fast)
        return
      }
      socket.end()
    }
    if (rest[2] === 'hash') go()
    else fast()
  })
}

function sink(hashed: boolean): void {
  const server = createServer((socket) => {
    const hash = hashed ? createHash('sha256') : undefined
    let bytes = 0
    socket.on('data', (data) => {
      bytes += data.length
      hash?.update(data)
    })
    socket.on('end', () => {
      process.send?.({ bytes, hash: hash?.digest('hex') })
      socket.end()
    })
  })
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }))
}

if (role === 'source') source(Number(rest[0]), Number(rest[1]))
else if (role === 'sink') sink(rest[0] === 'hash')

export const startEnd = (file: string, ...args: string[]): ReturnType<typeof fork> => fork(file, args)
