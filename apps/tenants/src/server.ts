import { createHash, timingSafeEqual } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { type CheckedObject, RefusedError } from './checked-program.ts'
import { Checker, type CheckerOptions } from './checker.ts'
import { headOf } from './request-head.ts'
import { type Decision, Tenant, type TenantLimits } from './tenant.ts'

/** Who answers requests that a program lets pass: by the number that it routes to, 0 for those that pass. */
export type Origins = readonly RequestListener[]

export interface TenantOptions extends TenantLimits {
  /** The first label of the host that requests name: `acme` of acme.example. */
  readonly name: string
  /** What uploads bring as `Authorization: Bearer …`. */
  readonly token: string
  readonly origins: Origins
}

export interface TenantServerOptions extends CheckerOptions {
  readonly tenants: readonly TenantOptions[]
  /** Bytes of an object at most. Default 256 KiB. */
  readonly largest?: number
}

interface Member {
  readonly tenant: Tenant
  readonly token: Buffer
  readonly origins: Origins
  /** An upload is under way. */
  busy: boolean
}

/** What answers a request that goes no further. */
const REFUSED: Readonly<Record<Decision['verdict'], readonly [status: number, body: string] | undefined>> = {
  pass: undefined,
  route: undefined,
  deny: [403, 'denied\n'],
  fault: [500, "the tenant's program failed\n"],
}

const hash = (token: string): Buffer => createHash('sha256').update(token).digest()

/** Two servers: `requests` for everybody, `control` for tenants. */
export class TenantServer {
  readonly requests: Server
  readonly control: Server
  readonly #members: ReadonlyMap<string, Member>
  readonly #checker: Checker
  readonly #largest: number

  private constructor(members: ReadonlyMap<string, Member>, options: TenantServerOptions) {
    this.#members = members
    this.#checker = new Checker(options)
    this.#largest = options.largest ?? 256 * 1024
    this.requests = createServer((request, response) => void this.#serve(request, response))
    this.control = createServer((request, response) => {
      this.#manage(request, response).catch((error: Error) => answer(response, 500, `${error.message}\n`))
    })
  }

  static async create(options: TenantServerOptions): Promise<TenantServer> {
    const members = new Map<string, Member>()
    for (const { name, token, origins, ...limits } of options.tenants) {
      const tenant = await Tenant.create(name, limits)
      members.set(name, { tenant, token: hash(token), origins, busy: false })
    }
    return new TenantServer(members, options)
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const member = this.#members.get((request.headers.host ?? '').split('.', 1)[0]!)
    if (!member) {
      answer(response, 404, 'no such tenant\n')
      return
    }
    const { values, path, headers } = headOf(request)
    const decision = member.tenant.decide(values, path, headers)
    const refused = REFUSED[decision.verdict]
    const origin = member.origins[decision.verdict === 'route' ? decision.route : 0]
    if (refused) answer(response, ...refused)
    else if (origin) origin(request, response)
    else answer(response, 502, 'no such origin\n')
  }

  /** `PUT` and `DELETE /acme/program`, `GET /acme/counters`, `GET /acme/log`. */
  async #manage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, name = '', what = ''] = (request.url ?? '').split('/')
    const member = this.#members.get(name)
    const token = hash((request.headers.authorization ?? '').replace(/^Bearer /, ''))
    if (!member || !timingSafeEqual(token, member.token)) {
      answer(response, 401, 'give the token of the tenant\n')
      return
    }
    const { tenant } = member
    switch (`${request.method} ${what}`) {
      case 'PUT program':
        await this.#upload(member, request, response)
        break
      case 'DELETE program':
        tenant.remove()
        answer(response, 204, '')
        break
      case 'GET counters':
        answer(response, 200, `${JSON.stringify(tenant.counters())}\n`, 'application/json')
        break
      case 'GET log':
        answer(response, 200, tenant.lines.map((line) => `${line}\n`).join(''))
        break
      default:
        answer(response, 404, 'there are program, counters and log\n')
    }
  }

  /** One at a time of each tenant: others wait behind one upload of his at most. */
  async #upload(member: Member, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (member.busy) {
      answer(response, 429, 'an upload is under way; wait for its end\n')
      return
    }
    member.busy = true
    try {
      const object = await bodyOf(request, this.#largest)
      const { version, checked } = await this.#install(member.tenant, object)
      const told = { version, programs: checked.spec.programs.length, processed: checked.processed }
      answer(response, 200, `${JSON.stringify(told)}\n`, 'application/json')
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error
      const status = error.code === 'TOO_LARGE' ? 413 : 422
      answer(response, status, `${error.code}\n${error.message}\n`)
    } finally {
      member.busy = false
    }
  }

  async #install(
    tenant: Tenant,
    object: Uint8Array | undefined,
  ): Promise<{ version: number; checked: CheckedObject }> {
    try {
      if (!object)
        throw new RefusedError({ code: 'TOO_LARGE', text: `an object has ${this.#largest} bytes at most` })
      const checked = await this.#checker.check(object)
      return { version: await tenant.install(checked), checked }
    } catch (error) {
      tenant.refused()
      throw error
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.requests, this.control].map(closed))
    await this.#checker.close()
    for (const { tenant } of this.#members.values()) tenant.close()
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function answer(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  if (response.headersSent) return
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(body)
}

/** Undefined for one that is longer; the rest of it is not read. */
async function bodyOf(request: IncomingMessage, most: number): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > most) return undefined
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}
