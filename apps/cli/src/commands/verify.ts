import { specFromRow } from '@skep/verifier'
import { Command, Option } from 'commander'
import pc from 'picocolors'
import { answerLines } from '../jsonl.ts'
import { objectFiles } from '../object-files.ts'
import { type Column, print, printJson, table } from '../output.ts'
import { EXIT, errorAsJson, reportError, UsageError } from '../report.ts'
import { checkRow } from '../row-schema.ts'
import { createJudge, openObject, type ProgramReport, verifyObject } from '../verify-object.ts'
import { verifyAgainstKernel } from './verify-against.ts'

export interface VerifyOptions {
  readonly json?: boolean
  readonly jsonl?: boolean
  readonly log?: boolean
  readonly program?: string
  readonly type?: string
  readonly kernelBtf?: string
  readonly against?: 'kernel'
}

/** `skep verify FILE...`: a verdict for each program, as Linux gives it. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description("verify programs with Linux's rules")
    .argument('[files...]', 'object files, and folders of them')
    .option('--json', 'answer with JSON')
    .option('--jsonl', 'read programs as JSON lines on standard input, answer each with one line')
    .option('--log', 'the whole verifier log')
    .option('--program <name>', 'only this program')
    .option('--type <name>', 'type of the programs whose section names none (sched_cls, xdp, …)')
    .option('--kernel-btf <file>', "BTF of the kernel that programs are for (default: the running one's)")
    .addOption(
      new Option('--against <reference>', 'load every program there too, and compare the verdicts').choices([
        'kernel',
      ]),
    )
    .addHelpText('after', '\nExample:\n  skep verify firewall.o')
    .action(async (files: string[], options: VerifyOptions) => {
      if (options.jsonl) {
        if (files.length > 0) throw new UsageError('--jsonl reads standard input; give no files')
        if (options.against) throw new UsageError('--against compares objects; give files or folders')
        return verifyLines(options)
      }
      if (files.length === 0)
        throw new UsageError('give an object file, or --jsonl for programs on standard input')
      const objects = await objectFiles(files)
      return options.against ? verifyAgainstKernel(objects, options) : verifyFiles(objects, options)
    })
}

async function verifyFiles(files: readonly string[], options: VerifyOptions): Promise<void> {
  const judge = await createJudge(options)
  const answers: object[] = []
  let refused = false
  let judged = 0
  for (const file of files) {
    try {
      const spec = await openObject(file, judge, options)
      const programs = verifyObject(judge, spec, options.log ?? false)
      judged += programs.length
      refused ||= programs.some((p) => p.verdict === 'reject')
      answers.push(files.length > 1 ? { file, programs } : { programs })
      if (!options.json && programs.length > 0) report(file, programs, files.length > 1)
    } catch (error) {
      if (error instanceof UsageError) throw error
      refused = true
      answers.push({ file, error: errorAsJson(error) })
      if (!options.json) reportError(error)
      else process.stderr.write(`skep: ${errorAsJson(error).message}\n`)
    }
  }
  if (judged === 0 && !refused)
    throw new UsageError(`${files.join(', ')}: no program${options.program ? ` "${options.program}"` : ''}`)
  if (options.json) printJson(files.length > 1 ? answers : answers[0])
  process.exitCode = refused ? EXIT.refused : EXIT.fine
}

const columns: readonly Column[] = [
  { name: 'program' },
  { name: 'section' },
  { name: 'type' },
  { name: 'verdict' },
  { name: 'insns walked', align: 'right' },
]

/** Prints the verdicts on the programs of a file; refusals go to standard error. */
export function report(file: string, programs: readonly ProgramReport[], several: boolean): void {
  if (several) print(pc.bold(file))
  const rows = programs.map((p) => [
    p.name,
    p.section,
    p.type,
    p.verdict === 'accept' ? pc.green('accept') : pc.red(`reject ${p.errno}`),
    p.processed,
  ])
  print(table(columns, rows))
  for (const p of programs) {
    if (p.log !== undefined) print(`\n${pc.bold(p.name)}\n${p.log.trimEnd()}`)
    if (p.verdict === 'accept') continue
    const place = p.insn === undefined ? '' : `insn ${p.insn}, `
    process.stderr.write(`\n${pc.red(`${p.name} refused`)}: ${p.line} (${place}${p.errno})\n`)
    if (p.source !== undefined) process.stderr.write(`  at ${p.source}\n`)
    if (p.code === undefined) continue
    process.stderr.write(`  ${p.code}: ${p.sentence}\n`)
    const log = p.log === undefined ? '; --log shows the whole verifier log' : ''
    const more = `  skep explain tells how it came to this${log}`
    process.stderr.write(`${pc.dim(more)}\n`)
  }
}

/** The form of DESIGN.md: one object in, one object out, in order. */
async function verifyLines(options: VerifyOptions): Promise<void> {
  const { platform, verifier } = await createJudge(options)
  await answerLines((value) => {
    const row = checkRow(value)
    const input = specFromRow(row, platform)
    const verdict = verifier.verify({ ...input, logLevel: options.log ? 2 : 0 })
    return {
      name: row.name,
      verdict: verdict.verdict,
      ...(verdict.verdict === 'reject'
        ? { errno: verdict.errno, line: verdict.line, code: verdict.code }
        : {}),
      ...(options.log ? { log: verdict.log() } : {}),
      processed: verdict.processed,
    }
  })
}
