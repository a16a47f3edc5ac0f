// An HTTP server, to be put under load with and without probes. Tells whoever started it the port, and what time of the CPU
// the process has used when asked; ends when told.
import { createServer } from 'node:http'
import { app } from './app.mjs'

const server = createServer((request, response) => app.handle(request, response))
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
process.on('message', (message) => {
  if (message === 'end') process.exit()
  const { user, system } = process.cpuUsage()
  process.send(user + system)
})
