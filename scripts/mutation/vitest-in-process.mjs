// As much of vitest's API as the unit tests use, to run them in this process, each by itself, as often as wanted. The
// matchers are vitest's own.
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
} from '@vitest/expect'
import * as chai from 'chai'

chai.use(JestExtend)
chai.use(JestChaiExpect)
chai.use(JestAsymmetricMatchers)

export const expect = (value, message) => chai.expect(value, message)
Object.assign(expect, chai.expect, globalThis[ASYMMETRIC_MATCHERS_OBJECT])
expect.unreachable = (message) => chai.assert.fail(`expected not to be reached: ${message ?? ''}`)

/** `{ file, name, run }` of every test that was declared. */
export const collected = []
let file = ''
let names = []
let before = []

export function collect(name) {
  file = name
  names = []
  before = []
}

const title = (text, args) => {
  let i = 0
  return String(text).replaceAll(/%[sdifjo]/g, () => String(args[i++]))
}

const each = (declare) => (rows) => (name, body, timeout) => {
  for (const row of rows) {
    const args = Array.isArray(row) ? row : [row]
    declare(title(name, args), () => body(...args), timeout)
  }
}

export function describe(name, body) {
  const outer = [names, before]
  names = [...names, String(name)]
  body()
  ;[names, before] = outer
}
describe.each = each((name, body) => describe(name, body))
describe.skip = () => {}
describe.skipIf = (condition) => (condition ? describe.skip : describe)

export function it(name, ...rest) {
  const body = rest.find((one) => typeof one === 'function')
  const setup = [...before]
  collected.push({
    file,
    name: [...names, String(name)].join(' > '),
    run: async () => {
      for (const one of setup) await one()
      await body()
    },
  })
}
it.each = each((name, body) => it(name, body))
it.skip = () => {}
it.skipIf = (condition) => (condition ? it.skip : it)
export const test = it
export const beforeEach = (body) => void (before = [...before, body])
export const beforeAll = beforeEach
export const afterEach = () => {}
export const afterAll = () => {}
