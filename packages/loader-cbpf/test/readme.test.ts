import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as cbpf from '../src/index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

describe('README.md', () => {
  it('has an example that prints what it says', () => {
    const code = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
    const printed: unknown[][] = []
    const body = code.replace(/^import (\{.*\}) from '@skep\/loader-cbpf'$/m, 'const $1 = cbpf')
    new Function('cbpf', 'console', body)(cbpf, { log: (...args: unknown[]) => printed.push(args) })
    const promised = [...code.matchAll(/console\.log\(.*\) *\/\/ (.*)$/gm)].map((match) => match[1])
    expect(promised.length).toBeGreaterThan(3)
    expect(printed.map((args) => args.join(' '))).toEqual(promised)
  })
})
