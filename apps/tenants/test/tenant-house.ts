import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request as ask, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { TenantServer, type TenantServerOptions } from '../src/server.ts'

/** An object of programs/: `blue`, `hostile/endless`. */
export const object = (name: string): Buffer =>
  readFileSync(new URL(`../programs/${name}.o`, import.meta.url))

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let script: Promise<URL> | undefined

/** The checker's thread with all that it imports: Node runs no TypeScript of packages. */
function checkerScript(): Promise<URL> {
  script ??= (async () => {
    const folder = mkdtempSync(join(tmpdir(), 'skep-tenants-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    await build({
      entryPoints: [fileURLToPath(new URL('../src/checker-thread.ts', import.meta.url))],
      outdir: folder,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      conditions: ['source'],
      logLevel: 'error',
    })
    return pathToFileURL(join(folder, 'checker-thread.js'))
  })()
  return script
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

/** An origin that says who it is. */
export const origin =
  (name: string): RequestListener =>
  (_, response) => {
    response.end(name)
  }

/** A server with its tenants, and clients of both its ports. */
export class House {
  readonly server: TenantServer
  readonly #ports: { readonly requests: number; readonly control: number }
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 })

  private constructor(server: TenantServer, ports: { requests: number; control: number }) {
    this.server = server
    this.#ports = ports
  }

  static async open(
    options: Omit<TenantServerOptions, 'script'> & { readonly script?: URL },
  ): Promise<House> {
    const server = await TenantServer.create({
      ...options,
      script: options.script ?? (await checkerScript()),
    })
    const [requests, control] = [await listen(server.requests), await listen(server.control)]
    return new House(server, { requests, control })
  }

  get(tenant: string, path = '/', headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.#ask('requests', 'GET', path, { host: `${tenant}.example`, ...headers })
  }

  post(tenant: string, path: string, body: Uint8Array): Promise<Answer> {
    return this.#ask('requests', 'POST', path, { host: `${tenant}.example` }, body)
  }

  /** The token of a tenant is its name, turned around. */
  control(
    method: string,
    path: string,
    body?: Uint8Array,
    token = tokenOf(path.split('/')[1]!),
  ): Promise<Answer> {
    return this.#ask('control', method, path, { authorization: `Bearer ${token}` }, body)
  }

  put(tenant: string, program: Uint8Array): Promise<Answer> {
    return this.control('PUT', `/${tenant}/program`, program)
  }

  // biome-ignore lint/suspicious/noExplicitAny: what JSON gives
  async counters(tenant: string): Promise<any> {
    return JSON.parse((await this.control('GET', `/${tenant}/counters`)).body)
  }

  async close(): Promise<void> {
    this.#agent.destroy()
    await this.server.close()
  }

  #ask(
    port: 'requests' | 'control',
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: Uint8Array,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#ports[port], method, path, agent: this.#agent }
      const length = body ? { 'content-length': String(body.length) } : {}
      const asked = ask({ ...options, headers: { ...headers, ...length } }, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, body: text }))
        answer.on('error', reject)
      })
      asked.on('error', reject)
      asked.end(body)
    })
  }
}

export const tokenOf = (tenant: string): string => [...tenant].reverse().join('')
