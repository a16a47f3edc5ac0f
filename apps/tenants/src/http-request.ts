import * as skep from '@skep/runtime'

const { field } = skep
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']

/** Between `data` and `data_end` lie the path, of `path_len` bytes, and then a line `name: value` for each header. */
export const httpRequest = skep.defineProgramType({
  name: 'http_request',
  id: 0x1_0001,
  context: skep.struct(
    'http_request',
    {
      method: field.u32(),
      path_len: field.u32(),
      body_len: field.u32(),
      route: field.u32({ write: true }),
      calls: field.u32(),
      client: field.bytes(16),
      data: field.pointer('packet', { c: 'void *' }),
      data_end: field.pointer('packet_end', { c: 'void *' }),
    },
    { packet: { data: 'data', end: 'data_end' } },
  ),
  packetAccess: 'read',
  returns: { min: 0, max: 2 },
  verdicts: { 0: 'HTTP_PASS', 1: 'HTTP_DENY', 2: 'HTTP_ROUTE' },
  constants: Object.fromEntries(METHODS.map((name, n) => [`HTTP_${name}`, n + 1])),
  sections: [{ name: 'http', prefix: true }],
})

export type Values = Partial<skep.ContextValues<typeof httpRequest.context>>
/** Gives verdict and route. */
export type Decide = (values: Values, path: Uint8Array, headers: Uint8Array) => [number, number]

/** Where requests come through: the program that was attached last decides. */
export class HttpGate {
  readonly programs: Decide[] = []
  decide: Decide = (...request) => this.programs.at(-1)?.(...request) ?? [0, 0]
}

export function attachHttp(program: skep.ProgramOf<'http_request'>, gate: HttpGate): skep.Link {
  const attach = () => {
    const context = skep.createContext(program.host.arena, httpRequest.context, { packet: 16_384 })
    const decide: Decide = (values, path, headers) => {
      context.set({ ...values, path_len: path.length, route: 0, calls: 0 }).setPacket(path, headers)
      return [program.run(context.address), context.get('route')]
    }
    gate.programs.push(decide)
    return () => {
      gate.programs.splice(gate.programs.indexOf(decide), 1)
      context.release()
    }
  }
  return skep.openLink({ attachPoint: 'http', programTypes: ['http_request'], program, attach })
}

const gate = skep.defineAttachPoint({ name: 'http', programTypes: ['http_request'], attach: attachHttp })
export const http = skep.definePlugin({ name: 'http', programTypes: [httpRequest], attachPoints: [gate] })
