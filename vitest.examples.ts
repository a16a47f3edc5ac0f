import { readFileSync } from 'node:fs'
import { format } from 'node:util'
import { expect, it } from 'vitest'

const AsyncFunction = (async () => {}).constructor as new (
  ...source: string[]
) => (modules: object, console: object) => Promise<void>

/** A page of documentation beside a test: `readPage(import.meta.url)` is the README of the package. */
export const readPage = (test: string, path = '../README.md'): string =>
  readFileSync(new URL(path, test), 'utf8')

/** The page's blocks of JavaScript, or of another language. */
export const examplesOf = (page: string, language = 'js'): readonly string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, source]) => source!,
  )

/** Runs an example with these modules to import from, and compares what it prints with what its comments say. */
async function run(source: string, modules: Readonly<Record<string, object>>): Promise<void> {
  const printed: string[] = []
  const body = source.replaceAll(/^import (\{[^}]*\}) from ('[^']+')/gm, 'const $1 = modules[$2]')
  await new AsyncFunction('modules', 'console', body)(modules, {
    log: (...values: unknown[]) => printed.push(format(...values)),
  })
  const promised = [...source.matchAll(/console\.log\(.*\) *\/\/ (.*)$/gm)].map(([, text]) => text)
  expect(printed).toEqual(promised)
  expect(printed.length).toBeGreaterThan(0)
}

/** A test for each example: that it prints what stands behind its `console.log`s. */
export function testExamples(
  examples: readonly string[],
  modules: Readonly<Record<string, object>>,
  count = 1,
): void {
  it('has examples', () => expect(examples).toHaveLength(count))
  it.each(examples.map((source, n) => [n + 1, source] as const))(
    'example %i prints what it says',
    (_, source) => run(source, modules),
  )
}
