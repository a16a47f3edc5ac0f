import { type Rejection, specFromRow } from '@skep/verifier'
import { type ExplanationStyle, findRefusal, renderExplanation } from '@skep/verifier/explain'
import { Command } from 'commander'
import pc from 'picocolors'
import { answerLines } from '../jsonl.ts'
import { print, printJson } from '../output.ts'
import { EXIT, RefusedError, UsageError } from '../report.ts'
import { checkRow } from '../row-schema.ts'
import {
  createJudge,
  describeRefusedMap,
  objectRefusal,
  openObject,
  verifyProgram,
} from '../verify-object.ts'

interface ExplainOptions {
  readonly json?: boolean
  readonly jsonl?: boolean
  readonly line?: string
  readonly type?: string
  readonly kernelBtf?: string
}

const style: ExplanationStyle = {
  error: (text) => pc.red(text),
  strong: (text) => pc.bold(text),
  source: (text) => pc.cyan(text),
  dim: (text) => pc.dim(text),
}

/** `skep explain FILE [PROGRAM]`: why a program is refused, how it came to that, and what mends it. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('explain why programs are refused, and what mends them')
    .argument('[file]', 'object file')
    .argument('[program]', 'only this program')
    .option('--json', 'answer with JSON')
    .option('--jsonl', 'read programs as JSON lines on standard input, answer each with one line')
    .option('--line <text>', 'explain this line of a verifier log, of a running kernel too')
    .option('--type <name>', 'type of the programs whose section names none (sched_cls, xdp, …)')
    .option('--kernel-btf <file>', "BTF of the kernel that programs are for (default: the running one's)")
    .addHelpText('after', '\nExample:\n  skep explain refused_null.o')
    .action(async (file: string | undefined, program: string | undefined, options: ExplainOptions) => {
      if (options.line !== undefined) return explainLine(options.line, options)
      if (options.jsonl) {
        if (file !== undefined) throw new UsageError('--jsonl reads standard input; give no files')
        return explainLines(options)
      }
      if (file === undefined)
        throw new UsageError('give an object file, --line, or --jsonl for programs on standard input')
      return explainFile(file, program, options)
    })
}

async function explainFile(
  file: string,
  program: string | undefined,
  options: ExplainOptions,
): Promise<void> {
  const judge = await createJudge(options)
  const spec = await openObject(file, judge, { ...options, ...(program === undefined ? {} : { program }) })
  if (spec.programs.length === 0)
    throw new UsageError(`${file}: no program${program === undefined ? '' : ` "${program}"`}`)
  const map = objectRefusal(judge, spec)
  if (map) throw new RefusedError('MAP_REFUSED', `${file}: ${describeRefusedMap(map)}`)
  const refused: { readonly name: string; readonly verdict: Rejection }[] = []
  for (const { name, verdict } of spec.programs.map((p) => ({
    name: p.name,
    verdict: verifyProgram(judge, spec, p),
  }))) {
    if (verdict.verdict === 'reject') refused.push({ name, verdict })
    else if (!options.json) print(`${pc.bold(name)} is accepted: there is nothing to explain`)
  }
  const explained = await Promise.all(
    refused.map(async ({ name, verdict }) => ({ name, ...(await verdict.explain()) })),
  )
  if (options.json) printJson({ programs: explained })
  else {
    for (const { name, ...explanation } of explained) {
      print(`${pc.bold(`${name} is refused`)}\n\n${renderExplanation(explanation, style)}`)
    }
  }
  process.exitCode = refused.length > 0 ? EXIT.refused : EXIT.fine
}

function explainLine(line: string, options: ExplainOptions): void {
  const { code, sentence, mend, page } = findRefusal(line.trim())
  if (options.json) {
    printJson({ code, sentence, mend, page })
    return
  }
  print(`${pc.red(`${code}:`)} ${pc.bold(sentence)}`)
  if (mend.length > 0)
    print(`\n${pc.bold('What usually mends it')}\n${mend.map((hint) => `  - ${hint}`).join('\n')}`)
  print(`\n${pc.dim(`More: ${page}`)}`)
}

async function explainLines(options: ExplainOptions): Promise<void> {
  const { platform, verifier } = await createJudge(options)
  await answerLines(async (value) => {
    const row = checkRow(value)
    const verdict = verifier.verify(specFromRow(row, platform))
    const { name } = row
    return verdict.verdict === 'accept'
      ? { name, verdict: 'accept' }
      : { name, verdict: 'reject', ...(await verdict.explain()) }
  })
}
