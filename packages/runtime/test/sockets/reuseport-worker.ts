import { openReuseport } from '@skep/hook-socket/node'

// A worker, a thread or a process: says what it got, and by which name it goes.

const name = process.env['WORKER_NAME']
const end = openReuseport()
end.on('message', (payload, from) => {
  end.send(`${name} got ${payload} of ${payload.length}`, from.port, from.address)
  if (String(payload).endsWith('stop')) end.close()
})
end.on('connection', (socket) => {
  socket.on('data', (data) => socket.end(`${name} got ${data}`))
  socket.on('error', () => {})
})
