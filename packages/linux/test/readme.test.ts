import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as linux from '../src/index.ts'
import { missing, named } from './availability.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

describe.skipIf(missing)(named('README.md'), () => {
  it('has an example that prints what it says', async () => {
    const code = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
    const printed: unknown[][] = []
    const body = code.replace(/^import (\{.*\}) from '@skep\/linux'$/m, 'const $1 = linux')
    const run = new Function('linux', 'console', `return (async () => {${body}})()`)
    await run(linux, { log: (...args: unknown[]) => printed.push(args) })
    const promised = [...code.matchAll(/console\.log\(.*\) *\/\/ (.*)$/gm)].map((match) => match[1])
    expect(promised.length).toBeGreaterThan(0)
    expect(printed.map((args) => args.join(' '))).toEqual(promised)
  })
})
