// The host behind the gateway: files by HTTP, sinks that count datagrams, and one that answers them.
// usage: server.mjs HTTP-PORT ECHO-PORT SINK-PORT...    prints a line when it listens
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'

const [http, echo, ...sinks] = process.argv.slice(2).map(Number)
const received = Object.fromEntries(sinks.map((port) => [port, { packets: 0, bytes: 0 }]))
let last = 0

const bind = async (port, onMessage) => {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 200_000 }, onMessage)
  socket.bind(port)
  await once(socket, 'listening')
  return socket
}
for (const port of sinks)
  await bind(port, ({ length }) => {
    received[port].packets++
    received[port].bytes += length
    last = performance.now()
  })
const answering = await bind(echo, (message, { address, port }) => {
  answering.send(message.reverse(), port, address)
})

const server = createServer(async ({ url }, response) => {
  const { pathname, searchParams } = new URL(url, 'http://server')
  if (pathname === '/received') {
    // What came before this request may still lie in the sockets.
    do await new Promise((resolve) => setTimeout(resolve, 20))
    while (performance.now() - last < 20)
    response.end(JSON.stringify(received))
    return
  }
  const bytes = Number(searchParams.get('bytes'))
  response.setHeader('content-length', bytes)
  const piece = Uint8Array.from({ length: 65_536 }, (_, n) => n * 31 + (n >> 8))
  for (let sent = 0; sent < bytes; sent += piece.length)
    if (!response.write(piece.subarray(0, Math.min(piece.length, bytes - sent))))
      await once(response, 'drain')
  response.end()
})
server.listen(http, () => console.log('ready'))
