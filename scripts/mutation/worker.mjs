// A process that holds the bundle with all mutants and tries them one by one, as the parent asks.
// usage: node worker.mjs BUNDLE cover OUT | node worker.mjs BUNDLE run COVERAGE   (from main.mjs, with an IPC channel)
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

// A test of many milliseconds (a program that walks a million instructions) is for mutants that little else reaches.
const SLOW = 300
const ENOUGH = 20

const [bundle, mode, file] = process.argv.slice(2)
const subject = await import(pathToFileURL(bundle).href)
const { activate, counts, limited, renew, touched } = subject
// What the tests print is of no interest.
console.log = () => {}
process.on('disconnect', () => process.exit())

async function outcome(test, ms) {
  try {
    return await (ms ? limited(() => test.run(), ms) : test.run())
  } catch (error) {
    if (error?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return 'does not end'
    return `fails: ${String(error?.message).slice(0, 200)}`
  }
}

/** Notes which mutants each test reaches, as a row of bits for each mutant, and how often at most. */
async function cover() {
  const take = () => {
    const reached = touched.map((id) => [id, counts[id]])
    for (const id of touched) counts[id] = 0
    touched.length = 0
    return reached
  }
  const atLoad = take().map(([id]) => id)
  const tests = await subject.loadTests()
  for (const [id] of take()) atLoad.push(id)
  const mutants = counts.length
  const width = (tests.length + 7) >> 3
  const bits = new Uint8Array(mutants * width)
  const most = new Int32Array(mutants)
  for (const [i, test] of tests.entries()) {
    await outcome(test)
    for (const [id, count] of take()) {
      bits[id * width + (i >> 3)] |= 1 << (i & 7)
      most[id] = Math.max(most[id], count)
    }
  }
  writeFileSync(file, Buffer.concat([Buffer.from(most.buffer), bits]))
  process.send({ tests: tests.map(({ id }) => id), atLoad })
}

async function run() {
  const tests = await subject.loadTests()
  const data = readFileSync(file)
  const most = new Int32Array(data.buffer, data.byteOffset, counts.length)
  const bits = data.subarray(counts.length * 4)
  const width = (tests.length + 7) >> 3
  const known = `${file}.tests.json`
  if (!existsSync(known)) {
    const expected = []
    const cost = []
    for (const test of tests) expected.push(await outcome(test))
    for (const test of tests) {
      const start = performance.now()
      await outcome(test)
      cost.push(performance.now() - start)
    }
    writeFileSync(known, JSON.stringify({ expected, cost }))
  }
  const { expected, cost } = JSON.parse(readFileSync(known, 'utf8'))
  const byCost = tests.map((_, i) => i).sort((a, b) => cost[a] - cost[b])

  /** The first test that tells the mutant apart, of those that reach it; those given first. */
  async function attempt({ id, first, tries, unit, only, endless }) {
    const reaches = (i) => (bits[id * width + (i >> 3)] >> (i & 7)) & 1
    const seen = new Set()
    let tried = 0
    for (const i of [...first, ...byCost]) {
      if (seen.has(i) || !reaches(i) || (only && !only.split(',').some((text) => tests[i].id.includes(text))))
        continue
      if (cost[i] > SLOW && tried > ENOUGH) break
      if (tests[i].program ? tried >= tries : !unit) continue
      seen.add(i)
      tried++
      // A limit on time costs a thread; without it the parent ends this process.
      const limit = endless ? Math.ceil(1500 + 20 * cost[i]) : 0
      activate(id, most[id] * 10 + 100_000)
      const got = await outcome(tests[i], limit)
      activate(0, 0)
      if (got === expected[i]) continue
      if (tests[i].program) {
        // A mutant before this one may have left the verifier in disorder, and this one may.
        await renew()
        activate(id, most[id] * 10 + 100_000)
        const again = await outcome(tests[i], limit)
        activate(0, 0)
        await renew()
        if (again === expected[i]) continue
      }
      const sane = (await outcome(tests[i], limit)) === expected[i]
      return { killer: i, tried, got, sane }
    }
    return { tried, sane: true }
  }

  /** As `attempt`, for a mutant of what runs while the modules load: they are loaded again. */
  async function attemptAtLoad({ id, first, tries }) {
    globalThis.__mutantAtLoad = id
    try {
      const again = await import(`${pathToFileURL(bundle).href}?${id}`)
      const anew = await again.loadTests({ unit: false })
      let tried = 0
      for (const i of new Set([...first, ...byCost])) {
        if (!anew[i]) continue
        if (++tried > tries) break
        again.activate(id, 1_000_000)
        const got = await outcome(anew[i], Math.ceil(1500 + 20 * cost[i]))
        if (got !== expected[i]) return { killer: i, tried, got, sane: true }
      }
      return { tried, sane: true }
    } catch (error) {
      return { killer: -1, got: `does not load: ${error?.message}`, sane: true }
    } finally {
      globalThis.__mutantAtLoad = 0
    }
  }

  let last = Promise.resolve()
  process.on('message', (job) => {
    last = last.then(async () => {
      const start = performance.now()
      const result = await (job.atLoad ? attemptAtLoad(job) : attempt(job))
      process.send({ id: job.id, ...result, ms: performance.now() - start })
      // Lets the message out before what may be endless.
      await new Promise((resume) => setImmediate(resume))
    })
  })
  process.send({ ready: true })
}

await (mode === 'cover' ? cover() : run())
