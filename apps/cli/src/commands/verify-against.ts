import { openKernel } from '@skep/linux'
import pc from 'picocolors'
import {
  compareObject,
  type ProgramComparison,
  type Side,
  type Summary,
  summarize,
} from '../against-kernel.ts'
import { type Column, print, printJson, table } from '../output.ts'
import { EXIT, errorAsJson, UsageError } from '../report.ts'
import { createJudge, openObject } from '../verify-object.ts'
import type { VerifyOptions } from './verify.ts'

interface ObjectAnswer {
  readonly file: string
  /** Why the object could not be opened, so that neither side saw its programs. */
  readonly error?: { readonly code: string; readonly message: string }
  readonly programs: readonly ProgramComparison[]
}

/** `skep verify --against kernel`: the verdicts of Skep and of the running kernel side by side. */
export async function verifyAgainstKernel(files: readonly string[], options: VerifyOptions): Promise<void> {
  using kernel = await openKernel()
  const judge = await createJudge(options)
  const answers: ObjectAnswer[] = []
  for (const file of files) {
    const answer = await compareFile(file)
    answers.push(answer)
    if (!options.json) report(answer)
  }
  const summary = {
    objects: files.length,
    notOpened: answers.filter((a) => a.error).length,
    ...summarize(answers.flatMap((a) => a.programs)),
  }
  if (options.json) printJson({ objects: answers, summary })
  else print(`\n${describe(summary)}`)
  const differ = summary.onlyKernelAccepts + summary.onlySkepAccepts > 0
  process.exitCode = differ ? EXIT.refused : EXIT.fine

  async function compareFile(file: string): Promise<ObjectAnswer> {
    try {
      const spec = await openObject(file, judge, options)
      return { file, programs: compareObject(judge, kernel, spec) }
    } catch (error) {
      if (error instanceof UsageError) throw error
      return { file, error: errorAsJson(error), programs: [] }
    }
  }
}

const columns: readonly Column[] = [
  { name: 'program' },
  { name: 'section' },
  { name: 'type' },
  { name: 'skep' },
  { name: 'kernel' },
  { name: 'insns walked', align: 'right' },
  { name: 'kernel walked', align: 'right' },
  { name: 'ms', align: 'right' },
  { name: 'kernel ms', align: 'right' },
]

function report({ file, error, programs }: ObjectAnswer): void {
  print(pc.bold(file))
  if (error) print(`${pc.yellow('not opened')}: ${error.message} ${pc.dim(`[${error.code}]`)}`)
  if (programs.length === 0) return
  const rows = programs.map((p) => [
    p.name,
    p.section,
    p.type,
    verdict(p, p.skep),
    verdict(p, p.kernel),
    p.skep.processed,
    p.kernel.processed,
    p.skep.milliseconds.toFixed(1),
    p.kernel.milliseconds.toFixed(1),
  ])
  print(table(columns, rows))
  for (const p of programs) {
    if (p.equal) continue
    const side = (name: string, { line, verdict, errno }: Side): string =>
      `  ${name}: ${verdict === 'accept' ? 'accepted' : `${line ?? 'refused before verification'} (${errno})`}`
    print(`${pc.red(`${p.name} differs`)}\n${side('skep', p.skep)}\n${side('kernel', p.kernel)}`)
  }
}

function verdict({ equal }: ProgramComparison, side: Side): string {
  if (side.verdict === 'none') return pc.yellow(`none ${side.errno}`)
  const text = side.verdict === 'accept' ? 'accept' : `reject ${side.errno}`
  if (!equal) return pc.red(text)
  return side.verdict === 'accept' ? pc.green(text) : text
}

function describe(s: Summary & { objects: number; notOpened: number }): string {
  const rows: [string, number][] = [
    ['objects', s.objects],
    ['objects that cannot be opened', s.notOpened],
    ['programs', s.programs],
    ['accepted by both', s.bothAccept],
    ['refused by both', s.bothRefuse],
    ['  with the same line', s.sameLine],
    ['  in sections that name no type', s.untyped],
    ['accepted here, refused by the kernel', s.onlySkepAccepts],
    ['refused here, accepted by the kernel', s.onlyKernelAccepts],
    ['that the kernel did not look at', s.notJudged],
  ]
  return table([{ name: '' }, { name: 'count', align: 'right' }], rows)
}
