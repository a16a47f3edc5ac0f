import { createDefaultPlatform } from '@skep/runtime'
import { createVerifier } from '@skep/verifier'
import { findKernel } from '../bench.ts'
import { describeMachine, formatMachine } from '../machine.ts'
import { type Bench, compareProgram, type Left, type VerifyResult } from './compare.ts'
import { parseVerifyOptions, verifyUsage } from './options.ts'
import { formatLeft, formatLoads, formatVerifications, verifyMeans } from './report.ts'
import { objectsOf, ownObjects, readObject, runningKernelBtf, shortName } from './subjects.ts'

/** What the command reports through. */
export interface Output {
  readonly print: (text: string) => void
  readonly progress: (text: string) => void
}

/** `bench verify`; `main` is the module that calls it. */
export async function benchVerify(args: readonly string[], main: string, output: Output): Promise<void> {
  const options = parseVerifyOptions(args)
  if (options.help) {
    output.print(verifyUsage)
    return
  }
  const reference = await findKernel()
  const { kernel } = reference
  try {
    const platform = createDefaultPlatform()
    const kernelBtf = runningKernelBtf()
    const cpus = kernel?.possibleCpus ?? 1
    const verifier = await createVerifier(platform, { cpus, ...(kernelBtf ? { kernelBtf } : {}) })
    const bench: Bench = { kernel, platform, verifier, kernelBtf, cpus, main }
    const machine = describeMachine()
    const results: VerifyResult[] = []
    const left: Left[] = []
    const files = options.paths.length > 0 ? objectsOf(options.paths) : ownObjects()
    for (const file of files) {
      const object = options.paths.length > 0 ? shortName(file, options.paths) : shortName(file, [])
      let programs: Awaited<ReturnType<typeof readObject>>
      try {
        programs = readObject(file, platform, kernelBtf, cpus)
      } catch (error) {
        left.push({ object, reason: (error as Error).message })
        continue
      }
      for (const program of programs.programs) {
        if (!`${object} ${program.name}`.includes(options.only)) continue
        output.progress(`${object} ${program.name}`)
        const result = await compareProgram(bench, { file, object, spec: programs, program }, options)
        if (result && 'reason' in result) left.push(result)
        else if (result) results.push(result)
      }
    }
    output.progress('')
    const why = reference.kernel ? {} : { withoutKernel: reference.reason }
    const date = new Date().toISOString()
    if (options.json) {
      const means = verifyMeans(results)
      output.print(
        JSON.stringify({ date, machine, ...why, options, programs: results, means, left }, null, 2),
      )
      return
    }
    output.print(`${date.slice(0, 10)}; ${formatMachine(machine)}`)
    output.print(`up to ${options.rounds} rounds, the sides in turn; first: ${options.cold} new processes`)
    if (!reference.kernel) output.print(`no ratios: ${reference.reason}`)
    if (results.length === 0) {
      output.print(`\nno program that walks more than ${options.least} instructions`)
    } else {
      output.print(`\nMilliseconds of one verification, median\n\n${formatVerifications(results)}`)
      output.print(`\nMilliseconds and MiB of a load, median\n\n${formatLoads(results)}`)
    }
    if (left.length > 0) output.print(`\nLeft out:\n${formatLeft(left)}`)
  } finally {
    kernel?.close()
  }
}
