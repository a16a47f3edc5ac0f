// All mutants in one build: StrykerJS's instrumenter places every mutant behind a switch, and one variable says which is
// active. The AssemblyScript of the scalar domain goes through the same instrumenter.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Instrumenter } from '@stryker-mutator/instrumenter'
import { excludedMutations, ignored, mutating } from './mutators.mjs'

const silent = () => {}
const logger = Object.fromEntries(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, silent]),
)
for (const level of ['Trace', 'Debug', 'Info', 'Warn', 'Error', 'Fatal'])
  logger[`is${level}Enabled`] = () => false

const options = { plugins: null, excludedMutations, ignorers: [ignored], noHeader: true }

async function instrument(files, language) {
  mutating(language)
  // Its constructor's defaults are what createInstrumenter would inject.
  const { files: out, mutants } = await new Instrumenter(logger).instrument(files, options)
  return { out, mutants }
}

const sourcesIn = (directory) =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return entry.name === 'generated' ? [] : sourcesIn(path)
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts') ? [path] : []
  })

const ACTIVE = /stryMutAct_9fa48\("(\d+)"\)/g
const COVERED = /stryCov_9fa48\(((?:"\d+"(?:, )?)+)\)/g
const numbers = (text) => [...text.matchAll(/\d+/g)].map(([id]) => Number(id))

const location = ({ start, end }) => [start.line + 1, start.column + 1, end.line + 1, end.column + 1]

/**
 * Instruments a package's `src/` and `assembly/`. Returns the mutants, numbered from 1, and for each mutated file its
 * text, given what tests a switch and what notes that a mutant was reached.
 */
export async function instrumentPackage(home, { skip }) {
  const mutants = []
  const texts = new Map()
  for (const [directory, language] of [
    ['src', 'TypeScript'],
    ['assembly', 'AssemblyScript'],
  ]) {
    const files = sourcesIn(join(home, directory))
      .map((path) => ({ path, name: relative(home, path) }))
      .filter(({ name }) => !skip(name))
      .map(({ path, name }) => ({
        name,
        mutate: true,
        content: prepared(readFileSync(path, 'utf8'), language),
      }))
    const { out, mutants: found } = await instrument(files, language)
    const first = mutants.length + 1
    for (const { name, content } of out) texts.set(name, { content, first })
    for (const mutant of found) {
      mutants.push({
        id: first + Number(mutant.id),
        file: mutant.fileName,
        mutator: mutant.mutatorName,
        at: location(mutant.location),
        replacement: mutant.replacement,
        ignored: mutant.statusReason ? mutant.statusReason : undefined,
      })
    }
  }
  return {
    mutants,
    has: (name) => texts.has(name),
    text(name, active, cover) {
      const { content, first } = texts.get(name)
      return content
        .replaceAll(ACTIVE, (_, id) => active(first + Number(id)))
        .replaceAll(COVERED, (_, ids) => cover(numbers(ids).map((id) => first + id)))
    },
  }
}

/** Babel parses no decorators on functions; they only ask for inlining. Lines stay where they are. */
const prepared = (text, language) =>
  language === 'AssemblyScript' ? text.replaceAll(/^@inline$/gm, '') : text
