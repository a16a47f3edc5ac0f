import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { createDefaultPlatform, type Platform } from '@skep/runtime'
import { createVerifier, specFromRow, type Verdict } from '@skep/verifier'
import { Command } from 'commander'
import pc from 'picocolors'
import { readObject } from '../input.ts'
import { answerLines } from '../jsonl.ts'
import { type Column, print, printJson, table } from '../output.ts'
import { EXIT, errorAsJson, reportError, UsageError } from '../report.ts'
import { checkRow } from '../row-schema.ts'

interface Options {
  readonly json?: boolean
  readonly jsonl?: boolean
  readonly log?: boolean
  readonly program?: string
  readonly kernelBtf?: string
}

interface ProgramReport {
  readonly name: string
  readonly section: string
  readonly type: string
  readonly verdict: 'accept' | 'reject'
  readonly errno?: string
  readonly line?: string
  readonly insn?: number
  readonly source?: string
  readonly processed: number
  readonly log?: string
}

/** `skep verify FILE...`: a verdict for each program, as Linux gives it. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description("verify programs with Linux's rules")
    .argument('[files...]', 'object files')
    .option('--json', 'answer with JSON')
    .option('--jsonl', 'read programs as JSON lines on standard input, answer each with one line')
    .option('--log', 'the whole verifier log')
    .option('--program <name>', 'only this program')
    .option('--kernel-btf <file>', "BTF of the kernel that programs are for (default: the running one's)")
    .addHelpText('after', '\nExample:\n  skep verify firewall.o')
    .action(async (files: string[], options: Options) => {
      if (options.jsonl) {
        if (files.length > 0) throw new UsageError('--jsonl reads standard input; give no files')
        return verifyLines(options)
      }
      if (files.length === 0)
        throw new UsageError('give an object file, or --jsonl for programs on standard input')
      return verifyFiles(files, options)
    })
}

const RUNNING_KERNEL = '/sys/kernel/btf/vmlinux'

/** BTF of the kernel: the named file, or the running kernel's where there is one. */
async function kernelTypes(options: Options): Promise<{ kernelBtf?: Uint8Array }> {
  if (options.kernelBtf !== undefined) return { kernelBtf: await readFile(options.kernelBtf) }
  const running = await readFile(RUNNING_KERNEL).catch(() => undefined)
  return running ? { kernelBtf: running } : {}
}

/** The program type's name, where the platform knows it. */
const typeName = (platform: Platform, type: string | number): string =>
  platform.programTypes.get(type)?.name ?? String(type)

async function verifyFiles(files: readonly string[], options: Options): Promise<void> {
  const platform = createDefaultPlatform()
  const verifier = await createVerifier(platform, await kernelTypes(options))
  const answers: object[] = []
  let refused = false
  for (const file of files) {
    try {
      const spec = await readObject(file, platform)
      const programs: ProgramReport[] = []
      for (const program of spec.programs) {
        if (options.program !== undefined && program.name !== options.program) continue
        const verdict = verifier.verify({
          program,
          maps: spec.maps,
          ...(spec.btf ? { btf: spec.btf } : {}),
          logLevel: options.log ? 2 : 0,
        })
        programs.push({
          name: program.name,
          section: program.section,
          type: typeName(platform, program.type),
          ...fields(verdict),
          ...(options.log ? { log: verdict.log() } : {}),
        })
      }
      if (programs.length === 0)
        throw new UsageError(`${file}: no program${options.program ? ` "${options.program}"` : ''}`)
      refused ||= programs.some((p) => p.verdict === 'reject')
      answers.push(files.length > 1 ? { file, programs } : { programs })
      if (!options.json) report(file, programs, files.length > 1)
    } catch (error) {
      if (error instanceof UsageError) throw error
      refused = true
      answers.push({ file, error: errorAsJson(error) })
      if (!options.json) reportError(error)
      else process.stderr.write(`skep: ${errorAsJson(error).message}\n`)
    }
  }
  if (options.json) printJson(files.length > 1 ? answers : answers[0])
  process.exitCode = refused ? EXIT.refused : EXIT.fine
}

function fields(verdict: Verdict): Omit<ProgramReport, 'name' | 'section' | 'type'> {
  if (verdict.verdict === 'accept') return { verdict: 'accept', processed: verdict.processed }
  const { source } = verdict
  return {
    verdict: 'reject',
    errno: verdict.errno,
    line: verdict.line,
    insn: verdict.insn,
    ...(source ? { source: `${basename(source.file)}:${source.line}: ${source.text.trim()}` } : {}),
    processed: verdict.processed,
  }
}

const columns: readonly Column[] = [
  { name: 'program' },
  { name: 'section' },
  { name: 'type' },
  { name: 'verdict' },
  { name: 'insns walked', align: 'right' },
]

function report(file: string, programs: readonly ProgramReport[], several: boolean): void {
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
    process.stderr.write(`\n${pc.red(`${p.name} refused`)}: ${p.line} (insn ${p.insn}, ${p.errno})\n`)
    if (p.source !== undefined) process.stderr.write(`  at ${p.source}\n`)
    if (p.log === undefined) process.stderr.write(`${pc.dim('  --log shows the whole verifier log')}\n`)
  }
}

/** The form of DESIGN.md: one object in, one object out, in order. */
async function verifyLines(options: Options): Promise<void> {
  const platform = createDefaultPlatform()
  const verifier = await createVerifier(platform, await kernelTypes(options))
  await answerLines((value) => {
    const row = checkRow(value)
    const input = specFromRow(row, platform)
    const verdict = verifier.verify({ ...input, logLevel: options.log ? 2 : 0 })
    return {
      name: row.name,
      verdict: verdict.verdict,
      ...(verdict.verdict === 'reject' ? { errno: verdict.errno, line: verdict.line } : {}),
      ...(options.log ? { log: verdict.log() } : {}),
      processed: verdict.processed,
    }
  })
}
