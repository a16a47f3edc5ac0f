import dgram, { type Socket as Datagram, type RemoteInfo } from 'node:dgram'
import { Server } from 'node:net'
import process from 'node:process'
import { SocketAttachError } from '../errors.ts'

/** A socket of the system, as Node's own modules have it: methods return 0, or minus an errno. */
export interface Handle {
  bind(address: string, port: number, flags?: number): number
  bind6(address: string, port: number, flags?: number): number
}

/** What calls of this process's sockets are about; numbers are minus an errno, which the call then returns. */
export interface CallObserver {
  /** connect(2), or bind(2). */
  given(
    what: 'connect' | 'bind' | 'sendmsg',
    handle: Handle,
    datagram: boolean,
    family: 4 | 6,
    address: string,
    port: number,
  ): { readonly address: string; readonly port: number } | number
  /** What getpeername(2) and getsockname(2) tell. */
  told(
    what: 'getpeername' | 'getsockname',
    handle: Handle,
    datagram: boolean,
    at: { address: string; port: number; family?: string },
  ): { readonly address: string; readonly port: number }
  /** recvmsg(2): who a datagram is from. */
  received(socket: Datagram, from: RemoteInfo): RemoteInfo
}

type Method = (this: Handle, ...args: unknown[]) => unknown
type Prototype = Record<string, Method>

let observer: CallObserver | undefined
const restore: (() => void)[] = []
/** The server whose socket is being made: its handle has no owner yet. */
let listening: Server | undefined

/** The socket or server that a handle is of. */
export function ownerOf(handle: Handle): object | undefined {
  for (let at: object | null = handle; at; at = Object.getPrototypeOf(at)) {
    const symbol = Object.getOwnPropertySymbols(at).find((one) => one.description === 'owner_symbol')
    if (symbol)
      return ((handle as unknown as Record<symbol, object | undefined>)[symbol] ?? listening) as object
  }
  return listening
}

/** Replaces a method until `restore`; where somebody has replaced it again, it stays, and does as the first one did. */
function replace(prototype: object, name: string, make: (original: Method) => Method): void {
  const methods = prototype as Prototype
  const own = Object.hasOwn(methods, name)
  const original = methods[name]
  if (typeof original !== 'function') return
  const replaced = make(original)
  methods[name] = replaced
  restore.push(() => {
    if (methods[name] !== replaced) return
    if (own) methods[name] = original
    else delete methods[name]
  })
}

interface Binding {
  readonly prototype: object
}

/** Throws SocketAttachError UNSUPPORTED. */
function bindings(): { TCP: Binding; UDP: Binding } {
  const { binding } = process as unknown as { binding?: (name: string) => Record<string, Binding> }
  try {
    const [{ TCP }, { UDP }] = [binding!.call(process, 'tcp_wrap'), binding!.call(process, 'udp_wrap')] as [
      Record<string, Binding>,
      Record<string, Binding>,
    ]
    if (TCP && UDP) return { TCP, UDP }
  } catch {
    // Told below.
  }
  throw new SocketAttachError(
    'UNSUPPORTED',
    'this Node does not let its sockets be reached (process.binding); run it without --permission and the like',
  )
}

const isText = (value: unknown): value is string => typeof value === 'string'
const FAMILIES: readonly (readonly [suffix: string, family: 4 | 6])[] = [
  ['', 4],
  ['6', 6],
]

function patchGiven(prototype: object, datagram: boolean): void {
  for (const [suffix, family] of FAMILIES) {
    // connect(request, address, port) of a stream, connect(address, port) of a datagram socket, bind(address, port, flags).
    for (const what of ['connect', 'bind'] as const) {
      const first = what === 'connect' && !datagram ? 1 : 0
      replace(
        prototype,
        what + suffix,
        (original) =>
          function (this: Handle, ...args: unknown[]): unknown {
            const [address, port] = [args[first], args[first + 1]]
            if (!observer || !isText(address)) return original.apply(this, args)
            const next = observer.given(what, this, datagram, family, address, Number(port ?? 0))
            if (typeof next === 'number') return next
            args[first] = next.address
            args[first + 1] = next.port
            return original.apply(this, args)
          },
      )
    }
    if (!datagram) continue
    // send(request, list, count, port, address, callback); without port and address when the socket is connected.
    replace(
      prototype,
      `send${suffix}`,
      (original) =>
        function (this: Handle, ...args: unknown[]): unknown {
          if (!observer || !isText(args[4])) return original.apply(this, args)
          const next = observer.given('sendmsg', this, true, family, args[4], Number(args[3]))
          if (typeof next === 'number') return next
          args[3] = next.port
          args[4] = next.address
          return original.apply(this, args)
        },
    )
  }
}

function patchTold(prototype: object, datagram: boolean): void {
  for (const what of ['getpeername', 'getsockname'] as const)
    replace(
      prototype,
      what,
      (original) =>
        function (this: Handle, ...args: unknown[]): unknown {
          const result = original.apply(this, args)
          const out = args[0] as { address?: unknown; port?: unknown; family?: string } | undefined
          if (observer && result === 0 && out && isText(out.address) && typeof out.port === 'number')
            Object.assign(out, observer.told(what, this, datagram, out as { address: string; port: number }))
          return result
        },
    )
}

/** Puts an observer between Node's sockets and the system, or takes it away again. Throws SocketAttachError UNSUPPORTED. */
export function observeCalls(next: CallObserver | undefined): void {
  if (next && !observer) {
    const { TCP, UDP } = bindings()
    for (const [{ prototype }, datagram] of [
      [TCP, false],
      [UDP, true],
    ] as const) {
      patchGiven(prototype, datagram)
      patchTold(prototype, datagram)
    }
    replace(
      dgram.Socket.prototype,
      'emit',
      (original) =>
        function (this: Handle, ...args: unknown[]): unknown {
          if (observer && args[0] === 'message' && args[2])
            args[2] = observer.received(this as unknown as Datagram, args[2] as RemoteInfo)
          return original.apply(this, args)
        },
    )
    // Makes and binds the handle of a server, before it is the server's.
    replace(
      Server.prototype,
      '_listen2',
      (original) =>
        function (this: Handle, ...args: unknown[]): unknown {
          listening = this as unknown as Server
          try {
            return original.apply(this, args)
          } finally {
            listening = undefined
          }
        },
    )
  }
  observer = next
  if (!next) for (const undo of restore.splice(0).reverse()) undo()
}
