import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { call, environment, root } from './process.mjs'
import { countsOf, totals } from './totals.mjs'

afterEach(() => vi.unstubAllEnvs())

describe('environment', () => {
  it("drops npm's own variables and keeps where packages come from", () => {
    vi.stubEnv('npm_lifecycle_event', 'test')
    vi.stubEnv('npm_package_name', 'skep')
    vi.stubEnv('npm_config_recursive', 'true')
    vi.stubEnv('npm_config_registry', 'https://registry.example/')
    vi.stubEnv('NPM_CONFIG_CACHE', '/somewhere')
    vi.stubEnv('npm_config_userconfig', '/home/u/.npmrc')
    vi.stubEnv('NODE_ENV', 'production')
    const env = environment()
    expect(env).not.toHaveProperty('npm_lifecycle_event')
    expect(env).not.toHaveProperty('npm_package_name')
    expect(env).not.toHaveProperty('npm_config_recursive')
    expect(env).not.toHaveProperty('NODE_ENV')
    expect(env).toMatchObject({
      npm_config_registry: 'https://registry.example/',
      NPM_CONFIG_CACHE: '/somewhere',
      npm_config_userconfig: '/home/u/.npmrc',
      TURBO_TELEMETRY_DISABLED: '1',
    })
    expect(env.PATH?.startsWith(join(root, 'node_modules/.bin'))).toBe(true)
  })
})

describe('call', () => {
  it("resolves to the child's status, also where a signal ends it or it cannot start", async () => {
    const onLine = () => {}
    expect(await call(process.execPath, ['-e', 'process.exit(3)'], { onLine })).toBe(3)
    expect(await call(process.execPath, ['-e', 'process.kill(process.pid, "SIGKILL")'], { onLine })).toBe(137)
    const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
    expect(await call('no-such-program-of-skep', [], { onLine })).toBe(127)
    expect(errors).toHaveBeenCalledOnce()
    errors.mockRestore()
  })

  it('gives whole lines of both streams', async () => {
    const lines = []
    const script = 'process.stdout.write("a\\nb"); console.error("c")'
    await call(process.execPath, ['-e', script], { onLine: (line) => lines.push(line) })
    expect(lines.sort()).toEqual(['a', 'b', 'c'])
  })
})

describe('run.mjs', () => {
  const run = (args, env) =>
    spawnSync(process.execPath, [join(root, 'scripts/run.mjs'), ...args], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...env },
    })

  it('lists the tasks where none is named', () => {
    const { status, stderr } = run([], {})
    expect(status).toBe(2)
    expect(stderr).toMatch(/usage: node scripts\/run\.mjs build\|test\|/)
  })

  it('refuses to be started by a task that it runs', () => {
    const { status, stderr } = run(['build'], { TURBO_HASH: 'x' })
    expect(status).toBe(2)
    expect(stderr).toBe('run: "build" was started from inside one of the tasks that it runs\n')
  })
})

describe('totals', () => {
  const file = (status, ...results) => ({
    status,
    assertionResults: results.map((result) => ({ status: result })),
  })
  const report = (passed, failed, testResults) => ({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: 1,
    numTodoTests: 1,
    testResults,
  })

  it('counts a file that does not load as a failed test', () => {
    expect(
      countsOf(report(1, 1, [file('passed', 'passed'), file('failed', 'failed'), file('failed')])),
    ).toEqual({
      passed: 1,
      failed: 2,
      skipped: 2,
    })
  })

  const isa = { passed: 5, failed: 0, skipped: 1 }

  it('adds up, in one line', () => {
    const found = new Map([
      ['@skep/isa', isa],
      ['//', { passed: 2, failed: 0, skipped: 0 }],
    ])
    expect(totals(found, ['@skep/isa'])).toEqual({
      errors: [],
      line: '7 passed, 0 failed, 1 skipped',
      failed: false,
    })
  })

  it('fails where a test failed, where none ran, and where a package did not report', () => {
    expect(totals(new Map([['a', { passed: 5, failed: 1, skipped: 0 }]]), []).failed).toBe(true)
    expect(totals(new Map([['a', { passed: 0, failed: 0, skipped: 3 }]]), [])).toEqual({
      errors: ['run: no test ran'],
      line: '0 passed, 0 failed, 3 skipped',
      failed: true,
    })
    expect(totals(new Map([['@skep/isa', isa]]), ['@skep/isa', '@skep/btf', '//'])).toEqual({
      errors: ['run: tests that did not run: @skep/btf, scripts'],
      line: '5 passed, 0 failed, 1 skipped',
      failed: true,
    })
  })
})
