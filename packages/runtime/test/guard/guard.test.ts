import { execFile, execFileSync, execSync, spawn, spawnSync } from 'node:child_process'
import dgram from 'node:dgram'
import dns from 'node:dns'
import { once } from 'node:events'
import fs, { readFileSync as namedRead } from 'node:fs'
import fsPromises, { readFile as namedPromise } from 'node:fs/promises'
import http from 'node:http'
import { createRequire } from 'node:module'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Listed, listedGuard } from './load-guard.ts'

const require = createRequire(import.meta.url)
const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'skep-guard-'))
const file = join(folder, 'file')
fs.writeFileSync(file, 'text')
afterAll(() => fs.rmSync(folder, { recursive: true }))

let listed: Listed
beforeAll(async () => {
  listed = await listedGuard()
})
afterEach(() => {
  for (const one of OPERATIONS) listed.deny(one, 0)
  listed.events.length = 0
})
afterAll(() => listed.close())

const OPERATIONS = [
  ...['FS_READ', 'FS_WRITE', 'FS_STAT', 'FS_LIST', 'FS_REMOVE', 'FS_RENAME', 'FS_SYMLINK', 'FS_MKDIR'],
  ...['NET_CONNECT', 'NET_LISTEN', 'UDP_SEND', 'UDP_BIND', 'DNS_LOOKUP', 'DNS_RESOLVE', 'PROCESS_SPAWN'],
  ...['PROCESS_KILL', 'CODE_WORKER', 'CODE_REQUIRE'],
] as never[]

/** Runs as a plugin; what it throws or rejects with. */
async function failing(act: () => unknown): Promise<NodeJS.ErrnoException & Record<string, unknown>> {
  try {
    await listed.guard.run('plugin', act)
  } catch (error) {
    return error as never
  }
  throw new Error('it was let pass')
}
const asPlugin = <T>(act: () => T): T => listed.guard.run('plugin', act)
const shape = (error: Error): object => Object.assign({ message: error.message }, error)
const emitted = async (emitter: NodeJS.EventEmitter): Promise<Error> =>
  ((await once(emitter, 'error')) as [Error])[0]

describe('files', () => {
  it('fails in every form as it fails where the system refuses', async () => {
    listed.deny('FS_READ', 2)
    const missing = join(folder, 'missing')
    const real = shape((await failing(() => fsPromises.readFile(missing))) as Error) as { message: string }
    const expected = { ...real, message: real.message.replace(missing, file), path: file }
    const callback = (act: (done: (error: Error | null) => void) => void): Promise<void> =>
      new Promise((resolve, reject) => act((error) => (error ? reject(error) : resolve())))
    const forms: (() => unknown)[] = [
      () => fs.readFileSync(file),
      () => namedRead(file),
      () => fs.promises.readFile(file),
      () => namedPromise(file),
      () => callback((done) => fs.readFile(file, done)),
      () => callback((done) => fs.open(file, done)),
      () => fs.openSync(file, 'r'),
      () => fsPromises.open(file),
      () => fs.readFileSync(Buffer.from(file)),
      () => fs.readFileSync(pathToFileURL(file)),
      () => callback((done) => fs.createReadStream(file).on('error', done)),
      () => require('node:fs').readFileSync(file),
      async () => (await import('node:fs')).readFileSync(file),
    ]
    for (const form of forms) expect(shape(await failing(form))).toEqual(expected)
    expect(asPlugin(() => fs.existsSync(file))).toBe(true)
    // The host goes on.
    expect(fs.readFileSync(file, 'utf8')).toBe('text')
  })

  it('tells reading from writing by the flags', () => {
    const say = (act: () => unknown): string => {
      listed.events.length = 0
      asPlugin(act)
      return [
        ...new Set(listed.events.map(({ operation, flags }) => `${operation} ${flags.toString(8)}`)),
      ].join()
    }
    const closing = (flags?: string | number) => () => fs.closeSync(fs.openSync(file, flags as string))
    expect(say(closing())).toBe('FS_READ 0')
    expect(say(closing('r+'))).toBe('FS_WRITE 2')
    expect(say(closing('a'))).toBe('FS_WRITE 2101')
    expect(say(closing(fs.constants.O_RDONLY | fs.constants.O_TRUNC))).toBe('FS_WRITE 1000')
    expect(say(() => fs.readFileSync(file, { flag: 'a+' }))).toBe('FS_WRITE 2102')
    expect(say(() => fs.writeFileSync(file, 'text'))).toBe('FS_WRITE 1101')
    expect(say(() => fs.copyFileSync(file, `${file}2`))).toBe('FS_READ 0,FS_WRITE 2000000000')
    expect(say(() => fs.rmSync(`${file}2`, { recursive: true }))).toMatch(/^FS_REMOVE 4000000000,/)
  })

  it('asks about the file that the system comes to', () => {
    const where = (act: () => unknown): (string | undefined)[] => {
      listed.events.length = 0
      asPlugin(() => {
        try {
          act()
        } catch {}
      })
      return [...new Set(listed.events.map(({ path }) => path))]
    }
    const inside = join(folder, 'inside')
    fs.mkdirSync(inside)
    fs.symlinkSync(file, join(inside, 'link'))
    fs.symlinkSync('/etc', join(inside, 'etc'))
    fs.symlinkSync('../new', join(inside, 'dangling'))
    expect(where(() => fs.readFileSync(join(inside, 'link')))).toEqual([file])
    expect(where(() => fs.lstatSync(join(inside, 'link')))).toEqual([join(inside, 'link')])
    expect(where(() => fs.statSync(`${inside}/etc/../hostname`))).toEqual(['/hostname'])
    expect(where(() => fs.readFileSync(`${inside}/../inside/./link`))).toEqual([file])
    expect(where(() => fs.openSync(join(inside, 'dangling'), 'wx'))).toEqual([join(folder, 'new')])
    expect(where(() => fs.statSync(`${folder}/no/../such`))).toEqual([join(folder, 'such')])
    expect(where(() => fs.renameSync(`${inside}/none`, `${inside}/other`))).toEqual([
      `${inside}/none`,
      `${inside}/other`,
    ])
    expect(where(() => fs.symlinkSync('/etc/passwd', join(inside, 'new')))).toEqual([join(inside, 'new')])
    expect(listed.events[0]!.detail).toBe('/etc/passwd')
    expect(where(() => fs.mkdtempSync(join(inside, 'x-')))).toEqual([join(inside, 'x-XXXXXX')])
  })

  it('uses what it asked about, whatever an argument says later', async () => {
    listed.deny('FS_WRITE')
    let looks = 0
    const options = {
      get flag() {
        return looks++ === 0 ? 'w' : 'r'
      },
    }
    expect(await failing(() => fs.writeFileSync(file, 'changed', options as object))).toMatchObject({
      code: 'EACCES',
    })
    const url = { protocol: 'file:', hostname: '', pathname: file, href: `file://${file}` }
    listed.deny('FS_READ')
    expect(await failing(() => fs.readFileSync(url as URL))).toMatchObject({ code: 'EACCES' })
    expect(await failing(() => fs.readFileSync(new Proxy({}, {}) as unknown as URL))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    })
    const noText = Buffer.from([0x2f, 0xff])
    expect(await failing(() => fs.readFileSync(noText))).toMatchObject({ code: 'EILSEQ' })
    const bytes = Buffer.from(file)
    fs.writeFileSync(file, 'text')
    listed.deny('FS_READ', 0)
    expect(String(asPlugin(() => fs.readFileSync(bytes)))).toBe('text')
  })

  it('leaves arguments that are none to Node', async () => {
    for (const bad of [undefined, {}, 7.5, 'a\0b'])
      expect((await failing(() => fs.readFileSync(bad as string))).code).toMatch(/^ERR_/)
    expect((await failing(() => fs.readFile(file, undefined as never))).code).toBe('ERR_INVALID_ARG_TYPE')
  })
})

describe('the network', () => {
  it('refuses connections by address and port, of http and fetch too', async () => {
    const server = http.createServer((_, response) => {
      // What is kept alive needs no new connection.
      response.setHeader('connection', 'close').end('hello')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const url = `http://localhost:${port}/`
    expect(await asPlugin(async () => (await fetch(url)).text())).toBe('hello')
    expect(listed.events.map(({ operation }) => operation)).toEqual(
      expect.arrayContaining(['DNS_LOOKUP', 'NET_CONNECT']),
    )
    expect(listed.events.at(-1)).toMatchObject({ path: 'localhost', port })
    listed.deny('NET_CONNECT', 13)
    const error = await asPlugin(() => emitted(net.connect(port, '127.0.0.1')))
    expect(shape(error)).toEqual({
      message: `connect EACCES 127.0.0.1:${port}`,
      ...{ errno: -13, code: 'EACCES', syscall: 'connect', address: '127.0.0.1', port },
    })
    expect(listed.last().getUint32(16, true)).toBe(2)
    expect(listed.last().getUint32(20, true)).toBe(port)
    expect(listed.last().getUint32(32, false)).toBe(0x7f00_0001)
    expect(await asPlugin(() => emitted(http.get(url)))).toMatchObject({ code: 'EACCES', syscall: 'connect' })
    expect(await failing(() => fetch(url))).toMatchObject({ cause: { code: 'EACCES' } })
    const lookup = ((_: string, __: object, done: (e: null, a: object[]) => void) =>
      done(null, [{ address: '127.0.0.1', family: 4 }])) as never
    const named = asPlugin(() => net.connect({ port, host: 'elsewhere', lookup }))
    expect(await emitted(named)).toMatchObject({ code: 'EACCES', address: '127.0.0.1' })
    expect(await asPlugin(() => emitted(net.connect('/tmp/none.sock')))).toMatchObject({ code: 'EACCES' })
    server.close()
    server.closeAllConnections()
  })

  it('refuses to listen, to send and to ask for names', async () => {
    listed.deny('NET_LISTEN')
    listed.deny('UDP_SEND', 1)
    listed.deny('UDP_BIND')
    listed.deny('DNS_LOOKUP')
    listed.deny('DNS_RESOLVE')
    const listening = await asPlugin(() => emitted(net.createServer().listen(80, '::1')))
    expect(listening).toMatchObject({ message: 'listen EACCES: permission denied ::1:80', syscall: 'listen' })
    expect(listed.last().getUint32(16, true)).toBe(10)
    expect(listed.last().getUint8(32 + 15)).toBe(1)
    const socket = dgram.createSocket('udp4')
    const sent = asPlugin(
      () => new Promise<Error | null>((resolve) => socket.send('x', 9, '127.0.0.1', resolve)),
    )
    expect(await sent).toMatchObject({ message: 'send EPERM 127.0.0.1:9' })
    socket.close()
    const bound = dgram.createSocket('udp4')
    expect(await asPlugin(() => emitted(bound.bind(9)))).toMatchObject({ syscall: 'bind' })
    expect(await failing(() => dns.promises.lookup('example.org'))).toMatchObject({
      message: 'getaddrinfo EACCES example.org',
      ...{ code: 'EACCES', syscall: 'getaddrinfo', hostname: 'example.org' },
    })
    expect(await failing(() => new dns.promises.Resolver().resolve4('example.org'))).toMatchObject({
      syscall: 'queryA',
    })
    expect(await asPlugin(() => emitted(net.connect(9, 'example.org')))).toMatchObject({
      syscall: 'getaddrinfo',
    })
  })

  it('goes on where it may', async () => {
    const server = dgram.createSocket('udp4')
    asPlugin(() => server.bind(0, '127.0.0.1'))
    await once(server, 'listening')
    const client = dgram.createSocket('udp4')
    asPlugin(() => client.send(Buffer.from('word'), 0, 4, server.address().port, 'localhost'))
    expect(String(((await once(server, 'message')) as [Buffer])[0])).toBe('word')
    expect(listed.events.at(-1)).toMatchObject({ operation: 'UDP_SEND', address: '127.0.0.1' })
    client.close()
    server.close()
  })
})

describe('processes', () => {
  it('fails as it fails where the system refuses', async () => {
    const refused = shape(await emitted(spawn('/etc/passwd', ['a'])))
    listed.deny('PROCESS_SPAWN')
    const error = await asPlugin(() => emitted(spawn('/usr/bin/env', ['a'])))
    const expected = JSON.parse(JSON.stringify(refused).replaceAll('/etc/passwd', '/usr/bin/env'))
    expect(shape(error)).toEqual(expected)
    expect(listed.events.at(-1)).toMatchObject({ operation: 'PROCESS_SPAWN', detail: 'a\0' })
    const executed = asPlugin(() => new Promise<Error | null>((done) => execFile('env', done)))
    expect(await executed).toMatchObject({ code: 'EACCES', syscall: 'spawn env' })
    expect(listed.events.at(-1)!.path).toMatch(/^\/usr\/bin\//)
    const waited = asPlugin(() => spawnSync('env', ['a']))
    expect(waited).toMatchObject({ status: null, pid: 0, error: { code: 'EACCES', spawnargs: ['a'] } })
    expect(await failing(() => execSync('true'))).toMatchObject({ syscall: 'spawnSync /bin/sh' })
    expect(listed.events.at(-1)!.detail).toBe('-c\0true\0')
    expect(await failing(() => execFileSync('env'))).toMatchObject({ syscall: 'spawnSync env', status: null })
    listed.deny('PROCESS_SPAWN', 1)
    expect(await failing(() => spawn('env'))).toMatchObject({ message: 'spawn EPERM' })
    listed.deny('PROCESS_KILL', 3)
    expect(await failing(() => process.kill(process.pid, 'SIGUSR2'))).toMatchObject({ message: 'kill ESRCH' })
  })

  it('goes on where it may', () => {
    expect(String(asPlugin(() => execFileSync('printf', ['%s', 'word'])))).toBe('word')
    expect(asPlugin(() => spawnSync('exit 3', { shell: true })).status).toBe(3)
    expect(String(asPlugin(() => execSync('echo $WORD', { env: { WORD: 'word' } })))).toBe('word\n')
  })
})
