import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, House, object, origin, tokenOf } from './tenant-house.ts'

const origins = [origin('site'), origin('one'), origin('two')]

describe('a server of tenants', () => {
  let house: House
  beforeAll(async () => {
    house = await House.open({
      complexity: 30_000,
      largest: 64 * 1024,
      tenants: ['acme', 'beta', 'mallory'].map((name) => ({ name, token: tokenOf(name), origins })),
    })
  })
  afterAll(() => house.close())

  it('lets requests pass where there is no program, and knows no strangers', async () => {
    expect(await house.get('acme')).toMatchObject({ status: 200, body: 'site' })
    expect(await house.get('nobody')).toMatchObject({ status: 404 })
    const paths = ['/acme/program', '/nobody/program']
    for (const path of paths) {
      const { status } = await house.control('PUT', path, object('blue'), 'guess')
      expect(status).toBe(401)
    }
    expect(await house.control('GET', '/acme/nothing')).toMatchObject({ status: 404 })
    expect((await house.counters('acme')).version).toBe(0)
  })

  it('filters and routes by what the program sees of a request', async () => {
    expect(await house.put('acme', object('front_door'))).toMatchObject({ status: 200 })
    const path = '/admin/users?all'
    expect(await house.get('acme', '/')).toMatchObject({ status: 200, body: 'site' })
    expect(await house.get('acme', path)).toMatchObject({ status: 403 })
    expect(await house.get('acme', path, { 'X-Api-Key': 'guess' })).toMatchObject({ status: 403 })
    expect(await house.get('acme', path, { 'X-Api-Key': 'letmein' })).toMatchObject({
      status: 200,
      body: 'one',
    })
    expect(await house.get('acme', path, { 'X-Api-Key': 'letmein2' })).toMatchObject({ status: 403 })
    expect(await house.post('acme', '/', new Uint8Array(2 ** 20 + 1))).toMatchObject({ status: 403 })
    expect(await house.post('acme', '/', new Uint8Array(2 ** 20))).toMatchObject({
      status: 200,
      body: 'site',
    })
    expect(await house.counters('acme')).toMatchObject({
      version: 1,
      requests: 8,
      pass: 3,
      deny: 4,
      route: 1,
      maps: {
        by_method: expect.arrayContaining([
          [1, { passed: 1, denied: 3, routed: 1 }],
          [3, { passed: 1, denied: 1, routed: 0 }],
        ]),
      },
    })
    expect(await house.control('DELETE', '/acme/program')).toMatchObject({ status: 204 })
    expect(await house.get('acme', path)).toMatchObject({ status: 200, body: 'site' })
  })

  it('replaces a program under load: each request is answered, by the old or the new, and counted once', async () => {
    const answers = { one: 0, two: 0 }
    const ask = async (): Promise<string> => {
      const { status, body } = await house.get('beta', '/any')
      expect([status, body]).toEqual([200, expect.stringMatching(/^(one|two)$/)])
      answers[body as 'one' | 'two']++
      return body
    }
    let done = false
    const client = async (): Promise<void> => {
      while (!done) await ask()
    }
    expect((await house.put('beta', object('blue'))).status).toBe(200)
    const clients = Array.from({ length: 16 }, client)
    for (let version = 2; version <= 13; version++) {
      const [name, body] = version % 2 === 0 ? ['green', 'two'] : ['blue', 'one']
      const answer = await house.put('beta', object(name!))
      expect(JSON.parse(answer.body).version).toBe(version)
      // What is asked from now on, the new one answers.
      expect(await ask()).toBe(body)
    }
    done = true
    await Promise.all(clients)
    const { requests, route, fault, version, maps, memory } = await house.counters('beta')
    const total = answers.one + answers.two
    expect({ requests, route, fault, version }).toEqual({
      requests: total,
      route: total,
      fault: 0,
      version: 13,
    })
    // The map outlives the programs that count in it.
    expect(maps.hits.map(([, count]: [number, number]) => count)).toEqual([0, answers.one, answers.two, 0])
    // 12 programs and their contexts have gone again.
    expect(memory.used).toBeLessThan(256 * 1024)
  })

  describe('with a hostile tenant among others', () => {
    const hostile = (name: string): Promise<Answer> => house.put('mallory', object(`hostile/${name}`))

    it.each([
      ['endless', 'INFINITE_LOOP', 'program endless is refused'],
      ['complex', 'TOO_MANY_INSTRUCTIONS', 'walking 30001 instructions'],
      ['deep_stack', 'STACK_DEPTH', '800 bytes of stack together, and 512 is the limit'],
      ['foreign', 'PACKET_OUT_OF_BOUNDS', 'Compare with data_end before the access'],
      ['huge_map', 'ENOMEM', 'map "huge"'],
      ['wide_map', 'WIDE_MAP', 'map wide: keys and values have 4096 bytes at most'],
      ['printk', 'UNKNOWN_HELPER', 'bpf_trace_printk'],
      ['wrong_type', 'WRONG_PROGRAM_TYPE', 'program wrong_type is in SEC("xdp")'],
      ['two_types', 'WRONG_PROGRAM_TYPE', 'program wrong_type is in SEC("kprobe/vfs_read")'],
    ])('refuses %s: %s, and says why', async (name, code, text) => {
      const before = await house.counters('mallory')
      const { status, body } = await hostile(name)
      expect([status, body.split('\n')[0]]).toEqual([422, code])
      expect(body).toContain(text)
      const { memory: _, ...after } = await house.counters('mallory')
      expect(after).toEqual({ ...before, memory: undefined, refused: before.refused + 1 })
    })

    it.each(['long_run', 'busy'])('ends a run that takes too long: %s', async (name) => {
      const before = await house.counters('mallory')
      expect((await hostile(name)).status).toBe(200)
      expect(await house.get('mallory')).toMatchObject({ status: 500 })
      const { fault, lastFault } = await house.counters('mallory')
      expect([fault, lastFault]).toEqual([
        before.fault + 1,
        expect.stringContaining('instruction budget used up'),
      ])
      expect(await house.get('acme')).toMatchObject({ status: 200, body: 'site' })
    })

    it('bounds what it stores, logs and calls', async () => {
      expect((await hostile('filler')).status).toBe(200)
      const bodies = []
      for (let n = 0; n < 5; n++) bodies.push((await house.get('mallory')).body)
      expect(bodies).toEqual(['site', 'site', 'site', 'one', 'one'])
      expect((await hostile('flood')).status).toBe(200)
      for (let n = 0; n < 2; n++)
        expect(await house.get('mallory')).toMatchObject({ status: 200, body: 'one' })
      const { logged, memory } = await house.counters('mallory')
      expect(logged).toBe(128)
      const log = (await house.control('GET', '/mallory/log')).body
      expect(log).toBe('flood\n'.repeat(100))
      expect((await hostile('chain')).status).toBe(200)
      expect(await house.get('mallory')).toMatchObject({ status: 200, body: 'one' })
      expect(memory.used).toBeLessThan(memory.limit)
    })

    it('reads damaged objects without harm', async () => {
      const whole = object('front_door')
      let state = 20261123
      const random = (below: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        return Math.floor((state / 2 ** 32) * below)
      }
      const statuses = new Set<number>()
      for (let n = 0; n < 40; n++) {
        const bytes = Buffer.from(n % 4 === 0 ? whole.subarray(0, random(whole.length)) : whole)
        for (let hits = 0; hits < 1 + (n % 5); hits++)
          bytes[random(Math.min(bytes.length, 64 + n * 40))] = random(256)
        const { status, body } = await house.put('mallory', bytes)
        statuses.add(status)
        if (status === 422) expect(body).toMatch(/^[A-Z_\d]+\n./)
        expect([200, 403, 500, 502]).toContain((await house.get('mallory', '/admin')).status)
      }
      expect([...statuses].every((status) => status === 200 || status === 422)).toBe(true)
      expect(statuses.has(422)).toBe(true)
      expect((await house.put('mallory', new Uint8Array(64 * 1024 + 1))).status).toBe(413)
    })

    it('has one upload of a tenant at a time', async () => {
      const flood = Array.from({ length: 30 }, () => hostile('complex'))
      const others = [
        house.put('acme', object('blue')),
        ...Array.from({ length: 20 }, () => house.get('acme')),
      ]
      const [put, ...answers] = await Promise.all(others)
      expect(put!.status).toBe(200)
      for (const { status } of answers) expect(status).toBe(200)
      const statuses = (await Promise.all(flood)).map(({ status }) => status)
      expect(new Set(statuses)).toEqual(new Set([422, 429]))
    })
  })
})

describe('a checker', () => {
  const script = (text: string): URL => new URL(`data:text/javascript,${encodeURIComponent(text)}`)
  const head = "import { parentPort } from 'node:worker_threads';"

  it.each([
    ['that never answers', `${head} parentPort.on('message', () => { for (;;); })`, 'TOO_LONG', 50],
    [
      'that fails',
      `${head} parentPort.on('message', () => { throw new Error('no memory') })`,
      'FAILED',
      5000,
    ],
  ])('%s is begun anew, and requests go on', async (_, text, code, deadline) => {
    const house = await House.open({
      script: script(text),
      deadline,
      tenants: ['acme', 'mallory'].map((name) => ({ name, token: tokenOf(name), origins })),
    })
    const uploads = ['acme', 'mallory'].map((name) => house.put(name, object('blue')))
    for (let n = 0; n < 20; n++) expect((await house.get('acme')).status).toBe(200)
    for (const { status, body } of await Promise.all(uploads))
      expect([status, body.split('\n')[0]]).toEqual([422, code])
    await house.close()
  })

  it('refuses what waits when the server closes', async () => {
    const house = await House.open({
      script: script(`${head} parentPort.on('message', () => {})`),
      tenants: [{ name: 'acme', token: tokenOf('acme'), origins }],
    })
    const upload = house.put('acme', object('blue')).catch((error: Error) => error)
    await house.get('acme')
    await house.close()
    expect(await upload).toBeInstanceOf(Error)
  })
})

describe('docs/guide/tenants.md', () => {
  const page = readFileSync(new URL('../../../docs/guide/tenants.md', import.meta.url), 'utf8')
  const blocks = (language: string): string[] =>
    [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text!)

  let house: House
  beforeAll(async () => {
    house = await House.open({ tenants: [{ name: 'acme', token: tokenOf('acme'), origins }] })
  })
  afterAll(() => house.close())

  it('shows what a tenant is answered', async () => {
    const { body } = await house.put('acme', object('hostile/foreign'))
    expect(body.startsWith(blocks('text')[0]!)).toBe(true)
  })

  it('has a program that clang takes and the server', async ({ skip }) => {
    if (spawnSync('clang-19', ['--version']).status !== 0) skip('no clang-19')
    const folder = fileURLToPath(new URL('../programs/', import.meta.url))
    const target = ['-target', 'bpf', '-O2', '-Wall', '-Werror', '-nostdinc', '-Iinclude', '-I.']
    const { stdout, stderr } = spawnSync('clang-19', [...target, '-g', '-x', 'c', '-c', '-', '-o', '-'], {
      cwd: folder,
      input: blocks('c')[0],
    })
    expect(stderr.toString()).toBe('')
    expect(await house.put('acme', stdout)).toMatchObject({ status: 200 })
    expect([(await house.get('acme', '/admin')).body, (await house.get('acme', '/')).body]).toEqual([
      'one',
      'site',
    ])
  })
})
