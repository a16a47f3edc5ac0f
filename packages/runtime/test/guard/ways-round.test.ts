import childProcess, { ChildProcess } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import inspector from 'node:inspector'
import { createRequire } from 'node:module'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import v8 from 'node:v8'
import vm from 'node:vm'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPage } from '../../../../vitest.examples.ts'
import { type Listed, listedGuard } from './load-guard.ts'

// What docs/guide/guard.md says of each way round a guard is what comes of it.

const require = createRequire(import.meta.url)
const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'skep-ways-'))
const secret = join(folder, 'secret')
fs.writeFileSync(secret, 'secret')
fs.symlinkSync(secret, join(folder, 'link'))
fs.mkdirSync(join(folder, 'below'))
fs.writeFileSync(join(folder, 'below/module.mjs'), `export default 'secret'`)
const hostDescriptor = fs.openSync(secret, 'r')

// As a plugin's module has them that was loaded before.
const capturedRead = fs.readFileSync
const capturedConnect = net.connect
const capturedSpawn = childProcess.spawn
const { execFileSync: capturedExec } = childProcess

const host = setInterval(() => hostQueue.shift()?.(), 1)

let listed: Listed
let port = 0
const server = http.createServer((_, response) => response.end('secret'))
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  port = (server.address() as AddressInfo).port
  // The host has asked there before.
  await (await fetch(`http://127.0.0.1:${port}/kept`)).text()
  listed = await listedGuard()
  for (const one of ['FS_READ', 'FS_WRITE', 'NET_CONNECT', 'UDP_SEND', 'PROCESS_SPAWN', 'PROCESS_BINDING'])
    listed.deny(one as never)
  for (const one of [
    'PROCESS_KILL',
    'PROCESS_DLOPEN',
    'CODE_INSPECT',
    'CODE_WASI',
    'CODE_ENGINE',
    'CODE_REQUIRE',
  ])
    listed.deny(one as never)
})
afterAll(() => {
  clearInterval(host)
  listed.close()
  server.closeAllConnections()
  server.close()
  fs.closeSync(hostDescriptor)
  fs.rmSync(folder, { recursive: true })
})

const bytesOf = (fd: number): string => {
  const bytes = Buffer.alloc(6)
  return bytes.toString('utf8', 0, fs.readSync(fd, bytes, 0, 6, 0))
}
const connected = (socket: net.Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.destroy()
      resolve('secret')
    })
  })
const output = async (child: ChildProcess): Promise<string> => {
  let text = ''
  child.stdout!.on('data', (more) => {
    text += more
  })
  await Promise.race([once(child, 'close'), once(child, 'error').then(([error]) => Promise.reject(error))])
  return text
}
const worker = async (code: string): Promise<string> => {
  const one = new Worker(code, { eval: true, workerData: secret })
  const [text] = (await once(one, 'message')) as [string]
  await one.terminate()
  return text
}
const inWorker = `const { parentPort, workerData } = require('node:worker_threads')
parentPort.postMessage(require('node:fs').readFileSync(workerData, 'utf8'))`

/** Each gives the word 'secret' where it gets at it. */
const WAYS: Readonly<Record<string, () => unknown>> = {
  '`require` in another module': () =>
    createRequire(join(folder, 'plugin.js'))('node:fs').readFileSync(secret, 'utf8'),
  '`import()` of a built-in module': async () => (await import('node:fs')).readFileSync(secret, 'utf8'),
  '`process.getBuiltinModule`': () => process.getBuiltinModule('node:fs').readFileSync(secret, 'utf8'),
  '`process.mainModule`, `module.constructor._load`': () =>
    require('node:module')._load('fs', null, false).readFileSync(secret, 'utf8'),
  'code made from text: `eval`, `new Function`': () =>
    new Function('require', 'path', `return require('fs').readFileSync(path, 'utf8')`)(require, secret),
  'a context of `vm` that is given `require`': () =>
    vm.runInNewContext(`require('fs').readFileSync(secret, 'utf8')`, { require, secret }),
  'a link to a file': () => fs.readFileSync(join(folder, 'link'), 'utf8'),
  'a path with `..`, or through `/proc`': () =>
    fs.readFileSync(`/proc/self/root/${folder}/none/../link`, 'utf8'),
  'arguments that change when they are read again': () => {
    let looks = 0
    const options = {
      get flag() {
        return looks++ < 1 ? 'w' : 'r'
      },
      encoding: 'utf8' as const,
    }
    return fs.readFileSync(secret, options)
  },
  'streams, blobs and file handles': async () =>
    (await (await fs.promises.open(secret)).readFile('utf8')) || (await fs.openAsBlob(secret)).text(),
  '`fetch`, `WebSocket`, `http`, `https`, `http2`, `tls`': async () =>
    (await fetch(`http://localhost:${port}`)).text(),
  'a `lookup` of its own': () =>
    connected(
      net.connect({
        port,
        host: 'any',
        lookup: ((_: string, __: object, done: (...all: unknown[]) => void) =>
          done(null, [{ address: '127.0.0.1', family: 4 }])) as never,
      }),
    ),
  '`socket.constructor` and other ways to a prototype': () => {
    const { constructor: Socket } = new net.Socket()
    return connected(new (Socket as typeof net.Socket)().connect(port, '127.0.0.1'))
  },
  '`new ChildProcess()`': () => {
    const child = new ChildProcess()
    const start = (child as unknown as { spawn(options: object): void }).spawn.bind(child)
    start({ file: 'cat', args: ['cat', secret] })
    return output(child)
  },
  '`net.connect`, `http.request`, `spawn` that were kept from before': async () => {
    const child = output(capturedSpawn('cat', [secret])).catch(() => '')
    const socket = connected(capturedConnect(port, '127.0.0.1')).catch(() => '')
    return (await child) || (await socket)
  },
  '`process.binding`': () =>
    (process as unknown as { binding(name: string): object }).binding('fs') && 'secret',
  '`process.dlopen`, native addons': () => {
    try {
      process.dlopen({ exports: {} }, '/none.node')
    } catch (error) {
      return /refused|EACCES/.test(String(error)) ? '' : 'secret'
    }
    return 'secret'
  },
  '`inspector.Session`': () => {
    const session = new inspector.Session()
    session.connect()
    session.disconnect()
    return 'secret'
  },
  '`process.kill(process.pid, "SIGUSR1")`': () => process.kill(process.pid, 'SIGUSR1') && 'secret',
  'WASI with folders of its own': () => {
    const { WASI } = require('node:wasi')
    return new WASI({ version: 'preview1', preopens: { '/': folder } }) && 'secret'
  },
  'files that V8 and reports write': () => process.report.writeReport(join(folder, 'report')) && 'secret',
  'heap snapshots to files': () => v8.writeHeapSnapshot(join(folder, 'heap')) && 'secret',
  'functions of `fs` that were kept from before': () => capturedRead(secret, 'utf8'),
  '`spawnSync`, `execSync`, `execFileSync` that were kept from before': () =>
    String(capturedExec('cat', [secret])),
  'a worker thread, which has no guard of its own': () => worker(inWorker),
  'what a handle is made by: `socket._handle.constructor`, `child._handle.constructor`': () => {
    const { constructor: Process } = (new ChildProcess() as unknown as { _handle: object })._handle as {
      constructor: new () => { spawn(options: object): number; onexit: () => void; close(): void }
    }
    const handle = new Process()
    handle.onexit = () => handle.close()
    const target = join(folder, 'got')
    const stdio = Array(3).fill({ type: 'ignore' })
    const errno = handle.spawn({ file: '/bin/cp', args: ['cp', secret, target], stdio, envPairs: [] })
    return errno === 0 ? 'secret' : ''
  },
  'descriptors by number, which the host has opened': () => bytesOf(hostDescriptor),
  'connections that the host keeps alive': async () => (await fetch(`http://127.0.0.1:${port}/kept`)).text(),
  'work that the host does for whoever asks': () =>
    new Promise((resolve) => hostQueue.push(() => resolve(fs.readFileSync(secret, 'utf8')))),
  'functions that it bound outside of its scope (`AsyncResource.bind`)': () => boundOutside(),
  'what lies below a folder that it may list, copy or remove as a whole': () => {
    const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const asked = listed.events.some(({ path }) => path === join(folder, 'below'))
    return names.includes(join('below', 'module.mjs')) && !asked ? 'secret' : ''
  },
  '`import()` of a file': () => imported(pathToFileURL(join(folder, 'below/module.mjs')).href),
  '`import()` of a `data:` URL': () => imported(`data:text/javascript,export default 'secret'`),
  'the memory of the host: its variables, prototypes that it changes': () => {
    const { get } = Map.prototype
    let token: unknown
    Map.prototype.get = function (key) {
      const value = get.call(this, key)
      if (key === 'token') token = value
      return value
    }
    try {
      hostMap.get('token')
    } finally {
      Map.prototype.get = get
    }
    return token
  },
  'UDP: `dgram`': () =>
    new Promise((resolve, reject) => {
      const socket = dgram.createSocket('udp4')
      socket.send('x', 9, '127.0.0.1', (error) => {
        socket.close()
        if (error) reject(error)
        else resolve('secret')
      })
    }),
}
/** As Node imports, not as the tests' loader does. */
async function imported(url: string): Promise<unknown> {
  const importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
  const load = vm.runInThisContext('(url) => import(url)', { importModuleDynamically })
  return (await load(url)).default
}
const hostQueue: (() => void)[] = []
const hostMap = new Map([['token', 'secret']])
const { AsyncResource } = require('node:async_hooks')
const boundOutside = AsyncResource.bind(() => fs.readFileSync(secret, 'utf8'))

/** What the page says: the way, and whether it is stopped. */
const page = readPage(import.meta.url, '../../../../docs/guide/guard.md')
const told = [...page.matchAll(/^\| (.+?) \| (stopped|passes) \|/gm)].map(([, way, what]) => [way!, what!])

describe('ways round a guard', () => {
  it('are on the page, all of them', () => {
    expect(told.map(([way]) => way).sort()).toEqual(Object.keys(WAYS).sort())
  })

  it.each(told)('%s: %s', async (way, what) => {
    let text: unknown
    let error: NodeJS.ErrnoException | undefined
    try {
      text = await listed.guard.run('plugin', WAYS[way]!)
    } catch (cause) {
      const thrown = cause as Error
      error = (thrown.cause as Error | undefined) ?? thrown
    }
    if (what === 'passes') expect(error).toBeUndefined()
    else if (error) expect(error.code).toBe('EACCES')
    expect(text === 'secret' ? 'passes' : 'stopped').toBe(what)
  })
})
