import { createDefaultPlatform } from '@skep/runtime'
import { createVerifier } from '@skep/verifier'
import { findKernel } from '../bench.ts'
import { describeMachine, formatMachine } from '../machine.ts'
import { compareObject, type Results } from './compare.ts'
import { parseVerifyOptions, type VerifyOptions, verifyUsage } from './options.ts'
import { formatLeft, formatObjects, formatPrograms, ratioMean } from './report.ts'
import { objectsOf, ownObjects, runningKernelBtf, shortName } from './subjects.ts'

/** What the command reports through. */
export interface Output {
  readonly print: (text: string) => void
  readonly progress: (text: string) => void
}

/** `bench verify`; `main` is the module that calls it. */
export async function benchVerify(args: readonly string[], main: string, output: Output): Promise<void> {
  const { print, progress } = output
  const options = parseVerifyOptions(args)
  if (options.help) {
    print(verifyUsage)
    return
  }
  const { paths } = options
  const files = paths.length > 0 ? objectsOf(paths) : ownObjects()
  const reference = await findKernel()
  const { kernel } = reference
  try {
    const platform = createDefaultPlatform()
    const kernelBtf = runningKernelBtf()
    const cpus = kernel?.possibleCpus ?? 1
    const verifier = await createVerifier(platform, { cpus, ...(kernelBtf ? { kernelBtf } : {}) })
    const bench = { kernel, platform, verifier, kernelBtf, cpus, main, options, progress }
    const machine = describeMachine()
    const date = new Date().toISOString()
    const results: Results = { programs: [], objects: [], left: [] }
    for (const file of files) await compareObject(bench, file, shortName(file, paths), results)
    progress('')
    const withoutKernel = reference.kernel ? undefined : reference.reason
    if (options.json) {
      const warm = ratioMean(results.programs.map((program) => program.warm))
      const cold = ratioMean(results.objects.map((object) => object.cold))
      const means = { ...(warm === undefined ? {} : { warm }), ...(cold === undefined ? {} : { cold }) }
      const why = withoutKernel === undefined ? {} : { withoutKernel }
      print(JSON.stringify({ date, machine, ...why, options, ...results, means }, null, 2))
      return
    }
    print(`${date.slice(0, 10)}; ${formatMachine(machine)}`)
    if (withoutKernel !== undefined) print(`no ratios: ${withoutKernel}`)
    printResults(results, options, print)
  } finally {
    kernel?.close()
  }
}

function printResults(
  { programs, objects, left }: Results,
  options: VerifyOptions,
  print: Output['print'],
): void {
  const { rounds, cold, least } = options
  if (objects.length === 0) print(`\nno object that walks more than ${least} instructions`)
  if (programs.length > 0) {
    const how = `up to ${rounds} rounds, the sides in turn, warm`
    print(`\nOne verification, and one load by the kernel: milliseconds, median; ${how}\n`)
    print(formatPrograms(programs))
  }
  if (objects.length > 0 && cold + options.whole > 0) {
    const how = cold > 0 ? `; ${cold} new processes each` : ''
    print(`\nAll programs of an object, verified for the first time: milliseconds, median${how}\n`)
    print(formatObjects(objects))
  }
  if (left.length > 0) print(`\nLeft out:\n${formatLeft(left)}`)
}
