import { type ChildProcess, fork, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BenchError } from '../errors.ts'
import { benchFolder } from '../folders.ts'
import { type Spread, spread } from '../statistics.ts'

/** A server as it is started. */
interface Variant {
  readonly name: string
  /** Options of `skep trace`; none: node alone. */
  readonly trace?: readonly string[]
}

export const PLAIN = 'without'

const APP = './app.mjs:app'
const count = ['--count', `kprobe:${APP}.*`]
const latency = ['--latency', `kprobe:${APP}.handle`, '--async']
const requests = [
  '-e',
  `usdt:http.server.request.start { @urls[str(arg0.request.url)] = count(); @start[arg0.request] = nsecs }
   usdt:http.server.response.finish /@start[arg0.request]/
     { @request_ns = hist(nsecs - @start[arg0.request]); delete(@start[arg0.request]) }`,
]
const profile = (flame: string): readonly string[] => ['--profile', '99', '--flame', flame]

const variants = (flame: string): readonly Variant[] => [
  { name: PLAIN },
  { name: 'counts of three functions', trace: count },
  { name: 'latency of the handler, to its settlement', trace: latency },
  { name: 'requests by URL and their latency, by channels', trace: requests },
  { name: 'flame graph, 99 samples a second', trace: profile(flame) },
  { name: 'all of it', trace: [...count, ...latency, ...requests, ...profile(flame)] },
]

export interface HttpOptions {
  readonly rounds: number
  /** Seconds of load on each server, and before they count. */
  readonly seconds: number
  readonly warmUp: number
  /** The `skep` command's file. */
  readonly skep: string
}

export interface HttpRow {
  readonly name: string
  readonly requestsPerSecond: Spread
  /** Milliseconds. */
  readonly p99: Spread
  /** Microseconds of the CPU for a request: what else the machine does is not in it. */
  readonly cpu: Spread
  /** The same divided by that of the plain server of the same round. */
  readonly ratio: Spread
}

export interface HttpResult {
  readonly rows: readonly HttpRow[]
  /** What the last server with all probes said, and how large its flame graph is. */
  readonly results: string
  readonly flameFrames: number
}

const server = join(benchFolder, 'programs/kprobe/server.mjs')

/** Servers under load in turn, each in a process of its own, with probes and without. */
export async function benchHttp(options: HttpOptions, progress: (text: string) => void): Promise<HttpResult> {
  const folder = await mkdtemp(join(tmpdir(), 'skep-kprobe-'))
  const flame = join(folder, 'flame.svg')
  const all = variants(flame)
  const loads = new Map(all.map(({ name }) => [name, [] as Load[]]))
  let results = ''
  try {
    for (let round = 0; round < options.rounds; round++) {
      for (let turn = 0; turn < all.length; turn++) {
        const variant = all[(turn + round) % all.length]!
        progress(`${variant.name}, round ${round + 1} of ${options.rounds}`)
        const one = await serve(variant, options)
        loads.get(variant.name)!.push(one.load)
        if (variant.name === 'all of it') results = one.printed
      }
    }
    progress('')
    const plain = loads.get(PLAIN)!
    const rows = [...loads].map(([name, own]) => ({
      name,
      requestsPerSecond: spread(own.map((load) => load.requests)),
      p99: spread(own.map((load) => load.p99)),
      cpu: spread(own.map((load) => load.cpu)),
      ratio: spread(own.map((load, n) => load.cpu / plain[n]!.cpu)),
    }))
    return { rows, results, flameFrames: readFileSync(flame, 'utf8').split('<g>').length - 1 }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Load {
  /** A second. */
  readonly requests: number
  readonly p99: number
  /** Microseconds of the CPU for a request. */
  readonly cpu: number
}

type Sent = Omit<Load, 'cpu'> & { readonly total: number }

async function serve(
  { trace }: Variant,
  { seconds, skep, warmUp }: HttpOptions,
): Promise<{ readonly load: Load; readonly printed: string }> {
  const child = trace
    ? fork(skep, ['trace', ...trace, server], { silent: true })
    : fork(server, [], { silent: true })
  let printed = ''
  let failed = ''
  child.stdout!.on('data', (data) => (printed += data))
  child.stderr!.on('data', (data) => (failed += data))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    const port = await numberFrom(child, () => failed)
    await autocannon(port, warmUp)
    const before = await used(child, () => failed)
    const { total, ...load } = await autocannon(port, seconds)
    const cpu = ((await used(child, () => failed)) - before) / total
    child.send('end')
    await ended
    if (failed !== '') throw new BenchError('CHILD', `the server said: ${failed.trim()}`)
    return { load: { ...load, cpu }, printed }
  } finally {
    child.kill()
  }
}

/** Microseconds of the CPU, of all the process's threads. */
function used(child: ChildProcess, failed: () => string): Promise<number> {
  child.send('usage')
  return numberFrom(child, failed)
}

const numberFrom = (child: ChildProcess, failed: () => string): Promise<number> =>
  new Promise((resolve, reject) => {
    const closed = (): void => reject(new BenchError('CHILD', `the server ended: ${failed().trim()}`))
    child.once('close', closed)
    child.once('message', (number) => {
      child.off('close', closed)
      resolve(number as number)
    })
  })

/** Two routes in turn over 20 connections, from another process. */
function autocannon(port: number, seconds: number): Promise<Sent> {
  const file = createRequire(join(benchFolder, 'package.json')).resolve('autocannon')
  const url = `http://127.0.0.1:${port}`
  const script = `
    require(${JSON.stringify(file)})({ url: ${JSON.stringify(url)}, connections: 20, duration: ${seconds},
      requests: [{ path: '/users/7' }, { path: '/pages/42' }] }, (error, result) => {
      if (error) throw error
      console.log(JSON.stringify({ total: result.requests.total, requests: result.requests.total / result.duration, p99: result.latency.p99,
        bad: result.non2xx + result.errors + result.timeouts }))
    })`
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (data) => (text += data))
    child.once('close', () => {
      const load = text === '' ? undefined : (JSON.parse(text) as Sent & { readonly bad: number })
      if (load?.bad === 0) resolve(load)
      else reject(new BenchError('CHILD', `the load ended with ${load?.bad ?? 'no'} answers that are wrong`))
    })
  })
}
