// The host in front of the gateway: does what the first argument says, as JSON, and prints what came of it.
import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { get } from 'node:http'
import { connect } from 'node:net'

const { server, echo, floods, closed, file, localPort } = JSON.parse(process.argv[2])

const bind = async (port, address) => {
  const socket = createSocket('udp4')
  socket.bind(port, address)
  await once(socket, 'listening')
  return socket
}

/** Datagrams that each wait for their answer. */
async function ask({ port, count, from }) {
  const socket = await bind(from)
  const answers = []
  for (let n = 0; n < count; n++) {
    socket.send(`datagram ${n}`, port, server)
    const [message] = await once(socket, 'message')
    answers.push(message.toString())
  }
  socket.close()
  return answers
}

/** Datagrams that nobody answers, as fast as they go. */
async function flood({ port, count, size, from, address }) {
  const socket = await bind(from, address)
  const message = Buffer.alloc(size)
  const sent = []
  for (let n = 0; n < count; n++) {
    message.writeUInt32BE(n)
    sent.push(new Promise((resolve) => socket.send(Buffer.from(message), port, server, resolve)))
    if (n % 50 === 49) await Promise.all(sent.splice(0))
  }
  await Promise.all(sent)
  socket.close()
}

/** Whether a connection comes about. */
const knock = (port) =>
  new Promise((resolve) => {
    const socket = connect({ host: server, port })
    const end = (result) => {
      socket.destroy()
      resolve(result)
    }
    socket.on('connect', () => end('open')).on('error', ({ code }) => end(code))
    setTimeout(() => end('no answer'), 60)
  })

const fetch = (path, from) =>
  new Promise((resolve, reject) => {
    const request = get({ host: server, path, localPort: from, agent: false }, async (response) => {
      const hash = createHash('sha256')
      const pieces = []
      let bytes = 0
      for await (const piece of response) {
        hash.update(piece)
        bytes += piece.length
        if (bytes < 10_000) pieces.push(piece)
      }
      resolve({ bytes, sha256: hash.digest('hex'), text: Buffer.concat(pieces).toString() })
    })
    request.on('error', reject)
  })

const answers = await ask(echo)
for (const one of floods) await flood(one)
const knocked = await knock(closed)
const received = JSON.parse((await fetch('/received', localPort)).text)
const begin = performance.now()
const { bytes, sha256 } = await fetch(`/file?bytes=${file}`, localPort + 1)
const seconds = (performance.now() - begin) / 1000
console.log(JSON.stringify({ answers, knocked, bytes, sha256, received, seconds }))
