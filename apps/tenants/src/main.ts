import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createOrigin } from './origin.ts'
import { TenantServer } from './server.ts'

// usage: node dist/main.js tenants.json
//   { "tenants": [{ "name": "acme", "token": "…", "origins": ["http://127.0.0.1:3000"], "memory": 4194304 }],
//     "port": 8080, "controlPort": 8081 }

interface Settings {
  readonly tenants: readonly {
    readonly name: string
    readonly token: string
    readonly origins: readonly string[]
  }[]
  readonly port?: number
  readonly controlPort?: number
}

const [file] = process.argv.slice(2)
if (file === undefined) {
  console.error('usage: node dist/main.js tenants.json')
  process.exit(2)
}
const { tenants, port = 8080, controlPort = 8081 } = JSON.parse(readFileSync(file, 'utf8')) as Settings
const server = await TenantServer.create({
  script: new URL('checker-thread.js', import.meta.url),
  tenants: tenants.map((one) => ({ ...one, origins: one.origins.map((url) => createOrigin(new URL(url))) })),
})
server.requests.listen(port)
server.control.listen(controlPort, '127.0.0.1', () => {
  console.log('control on port', (server.control.address() as AddressInfo).port)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.close())
