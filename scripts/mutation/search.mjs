// Searches programs that tell apart the mutants which no test finds yet: it changes known programs, runs each under the
// mutants that it reaches, and keeps it if a mutant's verdict, count or log differs, and the running kernel says what
// the verifier says without a mutant.
// usage: node scripts/mutation/search.mjs [--first] [--minutes N] [--seed N] [--only TEXT] [--pool FILE...] [--rows FILE...]
// As root, on Linux 6.18. --first tries the seeds as they are before anything else, from number --skip on. --rows gives
// programs (JSON lines with { row }) that are tried so before, with more of the mutants that they reach; with --minutes 0
// nothing else is.
// It needs the bundles and results of a run of main.mjs. What it finds is added to
// node_modules/.cache/skep-mutation/found.jsonl, differences from the kernel to differences.jsonl; see record.mjs.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { loadLinux } from '../kernel/jsonl.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const cache = process.env.SKEP_MUTATION_CACHE ?? join(root, 'node_modules/.cache/skep-mutation')
const found = join(cache, 'found.jsonl')
const differences = join(cache, 'differences.jsonl')
const endless = join(cache, 'endless.jsonl')

const linesOf = (file) =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : []

const slot = (code, dst = 0, src = 0, off = 0, imm = 0) => {
  const bytes = Buffer.alloc(8)
  bytes[0] = code
  bytes[1] = dst | (src << 4)
  bytes.writeInt16LE(off, 2)
  bytes.writeInt32LE(imm, 4)
  return bytes
}

/** A program around one or two instructions of any opcode with anything in their fields. */
function oddRow(random) {
  const odd = () =>
    slot(
      random.chance(0.2) ? random.below(256) : (random.below(32) << 3) | random.pick([4, 5, 6, 7]),
      random.pick([0, 0, 6, 7, 8, 8, 9, 10]),
      random.pick([0, 0, 0, 1, 2, 6, 7, 8, 9, 10]),
      random.pick([0, 0, 0, 0, 1, 8, 16, 32, -8, -16, 2, 4]),
      random.pick([0, 0, 0, 1, 16, 32, 64, 63, -1, 0x10000, 5, 2]),
    )
  const before = [
    slot(0xbf, 6, 1),
    slot(0x85, 0, 0, 0, 7),
    slot(0xbf, 7, 0),
    slot(0xb7, 8, 0, 0, 5),
    slot(0x7b, 10, 8, -8),
    slot(0x7a, 10, 0, -16),
    slot(0xbf, 9, 10),
    slot(0x07, 9, 0, 0, -16),
  ]
  const insns = [...before, odd(), ...(random.chance(0.3) ? [odd()] : []), slot(0xb7), slot(0x95)]
  return {
    type: random.pick(['socket_filter', 'sched_cls', 'xdp', 'kprobe']),
    license: 'GPL',
    insns: Buffer.concat(insns).toString('hex'),
    ...(random.chance(0.15) ? { unprivileged: true, type: 'socket_filter' } : {}),
  }
}

/** Most instructions walked of a program that is kept: tests are to be quick. */
const MOST_PROCESSED = 3000

async function search({ alive, seed, minutes, pools, rows, shared, plain, done }) {
  const load = (name) => import(pathToFileURL(join(cache, name)).href)
  const reaching = await load('cover.mjs')
  const subject = await load('run.mjs')
  const linux = await loadLinux()
  const kernel = await linux.openKernel()

  const targets = new Map(alive.map(({ id, key }) => [id, { key, tried: 0, reached: 0 }]))
  const { Random, grammarProgram, mutate, parseDraft, rowOf } = subject.generators
  const random = new Random(seed)
  const given = rows.flatMap(linesOf).map(({ row }) => row)
  const fresh = [...given, ...(plain ? subject.firstRows() : [])]
  // What told mutants apart, and then what else there is: to be changed.
  const good = pools.flatMap(linesOf).map(({ row }) => parseDraft(row))
  const others = subject.firstRows().map(parseDraft)
  const pick = () => (good.length > 0 && random.chance(0.6) ? random.pick(good) : random.pick(others))
  const generate = () => {
    if (random.chance(0.06)) return subject.scalarRow(random.below(1 << 30))
    if (random.chance(0.15)) return oddRow(random)
    let draft
    if (random.chance(0.25)) draft = grammarProgram(subject.platform, random)
    else draft = mutate(pick(), pick(), random)
    if (random.chance(0.3)) draft = mutate(draft, pick(), random)
    return rowOf(draft)
  }

  const judge = ({ verifier, hashLog }, input) => {
    const quiet = verifier.verify(input).processed
    const verdict = verifier.verify({ ...input, logLevel: 2 })
    const { errno, line } = verdict.verdict === 'reject' ? verdict : {}
    return {
      verdict: verdict.verdict,
      ...(errno ? { errno, line } : {}),
      processed: verdict.processed,
      quiet,
      log: hashLog(verdict.log()),
    }
  }
  const same = (a, b) =>
    a.verdict === b.verdict &&
    a.errno === b.errno &&
    a.line === b.line &&
    a.processed === b.processed &&
    a.quiet === b.quiet &&
    a.log === b.log

  /** What the kernel says, in the same form; undefined where the row never reached its verifier. */
  const kernelSays = (row) => {
    const theirs = linux.verifyRow(kernel, row, { log: true, logLevel: 2 })
    if (theirs.error) return undefined
    const said = {
      verdict: theirs.verdict,
      processed: theirs.processed,
      quiet: theirs.processed,
      log: subject.hashLog(theirs.log ?? ''),
    }
    if (theirs.verdict === 'accept') return said
    const { line } = linux.verifyRow(kernel, row, { logLevel: 1 })
    return { ...said, errno: theirs.errno, ...(line ? { line } : {}) }
  }

  const reached = (input) => {
    reaching.activate(0, 1e9)
    for (const id of reaching.touched) reaching.counts[id] = 0
    reaching.touched.length = 0
    reaching.verifier.verify(input)
    return reaching.touched
  }

  /** Whether the mutant is told apart; undefined when it does not end. */
  const differs = (id, input, expected) => {
    subject.activate(id, 50_000)
    try {
      return !same(
        subject.limited(() => judge(subject, input), 1000),
        expected,
      )
    } catch (error) {
      return error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' ? undefined : true
    } finally {
      subject.activate(0, 0)
    }
  }

  const end = Date.now() + minutes * 60_000
  let programs = done
  let noted = Date.now()
  let [kept, killed, unlike] = [0, 0, 0]
  const knownDifferences = new Set(linesOf(differences).map(({ kind }) => kind))
  while ((Date.now() < end || programs < given.length) && targets.size > 0) {
    programs++
    const thorough = programs <= given.length
    shared[2] = programs - 1
    let row
    let input
    try {
      row = programs <= fresh.length ? fresh[programs - 1] : generate()
      input = subject.specFromRow(row, subject.platform)
    } catch {
      continue
    }
    Atomics.add(shared, 1, 1)
    const expected = judge(subject, input)
    if (expected.processed > MOST_PROCESSED) continue
    const ids = []
    for (const id of reached(input)) {
      const target = targets.get(id)
      if (target) target.reached++
      const most = thorough ? 60 : 8
      if (target && (target.tried < most || random.below(target.tried) < most)) ids.push(id)
    }
    if (ids.length === 0) continue
    // First those that few programs reach.
    ids.sort((a, b) => targets.get(a).reached - targets.get(b).reached)
    const told = []
    let vain = 0
    for (const id of ids) {
      // What many mutants in a row survive, the next will survive as well.
      if (++vain > 50 && !thorough) break
      targets.get(id).tried++
      Atomics.add(shared, 1, 1)
      const result = differs(id, input, expected)
      if (result === undefined) {
        // A test's time limit finds it as well. What it left is unknown.
        parentPort.postMessage({ endless: id })
        appendFileSync(endless, `${JSON.stringify(targets.get(id).key)}\n`)
        targets.delete(id)
        await subject.renew()
        if (!same(judge(subject, input), expected)) {
          parentPort.postMessage({ restart: id })
          return
        }
      } else if (result) {
        told.push(id)
        vain = 0
      }
    }
    if (told.length > 0) {
      if (!same(judge(subject, input), expected)) await subject.renew()
      if (!same(judge(subject, input), expected)) {
        parentPort.postMessage({ restart: told })
        return
      }
      const theirs = kernelSays(row)
      if (theirs && same(theirs, expected)) {
        const kills = told.map((id) => targets.get(id).key)
        appendFileSync(found, `${JSON.stringify({ row, ...expected, kills })}\n`)
        for (const id of told) targets.delete(id)
        parentPort.postMessage({ killed: told })
        good.push(parseDraft(row))
        kept++
        killed += told.length
      } else if (theirs) {
        unlike++
        const shape = ({ verdict, errno, line }) =>
          `${verdict} ${errno ?? ''} ${line ?? ''}`.replaceAll(/-?\d+/g, 'N')
        const kind = `${shape(expected)} | ${shape(theirs)}`
        if (!knownDifferences.has(kind)) {
          knownDifferences.add(kind)
          appendFileSync(differences, `${JSON.stringify({ kind, row, ours: expected, theirs })}\n`)
        }
      }
    }
    if (Date.now() - noted > 30_000) {
      noted = Date.now()
      console.error(
        `${programs} programs, ${kept} kept, ${killed} mutants told apart, ${targets.size} left, ${unlike} unlike the kernel`,
      )
    }
  }
  shared[2] = programs
  parentPort.postMessage({ done: true })
}

async function supervise() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      nice: { type: 'string', default: '19' },
      skip: { type: 'string', default: '0' },
      first: { type: 'boolean', default: false },
      pool: { type: 'string', multiple: true, default: [] },
      rows: { type: 'string', multiple: true, default: [] },
    },
  })
  setPriority(0, Number(values.nice))
  const mutants = JSON.parse(readFileSync(join(cache, 'mutants.json'), 'utf8'))
  const already = new Set([...linesOf(found).flatMap(({ kills }) => kills), ...linesOf(endless)])
  const alive = new Map(
    mutants
      .filter(({ status, key }) => status !== 'killed' && status !== 'timeout' && !already.has(key))
      .filter(({ file }) => !values.only || values.only.split(',').some((name) => file.includes(name)))
      .map(({ id, key }) => [id, key]),
  )
  const end = Date.now() + Number(values.minutes) * 60_000
  let tried = Number(values.skip)
  const given = values.rows.flatMap(linesOf).length
  for (let seed = Number(values.seed); (Date.now() < end || tried < given) && alive.size > 0; seed += 1000) {
    const shared = new Int32Array(new SharedArrayBuffer(12))
    const worker = new Worker(fileURLToPath(import.meta.url), {
      workerData: {
        alive: [...alive].map(([id, key]) => ({ id, key })),
        seed,
        minutes: (end - Date.now()) / 60_000,
        pools: [found, ...values.pool],
        rows: values.rows,
        shared,
        plain: values.first,
        done: tried,
      },
      resourceLimits: { maxOldGenerationSizeMb: 900 },
    })
    await new Promise((resolve) => {
      let last = -1
      let stuck = 0
      const watch = setInterval(() => {
        stuck = shared[1] === last ? stuck + 1 : 0
        last = shared[1]
        if (stuck < 20) return
        console.error('nothing happens: starting again')
        worker.terminate()
      }, 5000)
      worker.on('message', (message) => {
        for (const id of message.killed ?? []) alive.delete(id)
        if (message.endless) alive.delete(message.endless)
        if (message.restart) console.error(`mutant ${message.restart} left damage: starting again`)
      })
      worker.on('error', (error) => console.error(error))
      worker.on('exit', () => {
        clearInterval(watch)
        tried = Math.max(tried, shared[2])
        resolve()
      })
    })
  }
  console.error(`${alive.size} mutants left`)
}

await (isMainThread ? supervise() : search(workerData))
