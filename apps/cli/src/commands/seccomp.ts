import { writeFile } from 'node:fs/promises'
import {
  compilePolicy,
  diffPolicies,
  isSyscallName,
  parseOciProfile,
  type SeccompCall,
  type SeccompPolicy,
  simulate,
} from '@skep/hook-seccomp'
import { encodeClassic } from '@skep/isa'
import { Argument, Command, Option } from 'commander'
import { jsonValue, print, printJson, table } from '../output.ts'
import { UsageError } from '../report.ts'
import { learnFrom, runConfined, statusOf } from '../seccomp/confined-command.ts'
import { inFile, readFilter, readJson, readPolicy } from '../seccomp/read-policy.ts'
import { decisionText, filterJson, filterText } from '../seccomp/show.ts'

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value]
const commas = (values: readonly string[] | undefined): string[] =>
  (values ?? []).flatMap((one) => one.split(',')).filter((one) => one !== '')

/** `skep seccomp …`: policies, filters, and commands under them. */
export function seccompCommand(): Command {
  return new Command('seccomp')
    .description('seccomp policies: compiled, asked, put on commands, learned and imported')
    .addCommand(compileCommand())
    .addCommand(simulateCommand())
    .addCommand(runCommand())
    .addCommand(learnCommand())
    .addCommand(diffCommand())
    .addCommand(importCommand())
}

function compileCommand(): Command {
  let code = 0
  return new Command('compile')
    .description('make the classic filter of a policy')
    .argument('<policy>', 'policy as JSON, - for standard input')
    .option('-d, --code', 'show the listing (the default); -dd as C, -ddd as numbers')
    .option('-w, --write <file>', 'write the bytes of the filter, as Linux takes them')
    .option('--json', 'answer with one JSON object')
    .on('option:code', () => code++)
    .addHelpText('after', '\nExample:\n  skep seccomp compile policy.json -ddd')
    .action(async (file: string, options: { readonly write?: string; readonly json?: boolean }) => {
      const insns = await compiled(file)
      if (options.write !== undefined) await writeFile(options.write, encodeClassic(insns))
      if (options.json) printJson(filterJson(insns))
      else if (options.write === undefined || code > 0) print(filterText(insns, code))
    })
}

async function compiled(file: string): Promise<ReturnType<typeof compilePolicy>> {
  const policy = await readPolicy(file)
  try {
    return compilePolicy(policy)
  } catch (error) {
    throw inFile(file, error)
  }
}

interface SimulateFlags {
  readonly arch: string
  readonly under?: readonly string[]
  readonly json?: boolean
}

function simulateCommand(): Command {
  return new Command('simulate')
    .description('say what becomes of a system call under a policy or a filter')
    .argument('<policy>', 'policy as JSON, or a filter: numbers, bpf_asm text, bytes')
    .argument('<syscall>', 'name or number of the call')
    .argument('[args...]', 'up to six arguments: 5, 0x1000, -100 (behind --)')
    .option('--arch <name>', 'architecture of the call', 'x86_64')
    .option('--under <policy>', 'an older filter, which runs too; may be given again, oldest first', collect)
    .option('--json', 'answer with one JSON object')
    .addHelpText('after', '\nExample:\n  skep seccomp simulate policy.json openat -- -100 0x1000 0101')
    .action(async (file: string, syscall: string, args: readonly string[], options: SimulateFlags) => {
      const filters = []
      for (const one of [...(options.under ?? []), file]) filters.push(await readFilter(one))
      const call: SeccompCall = {
        arch: /^(0x[0-9a-f]+|\d+)$/i.test(options.arch) ? Number(options.arch) : options.arch,
        ...(/^(0x[0-9a-f]+|\d+)$/i.test(syscall) ? { nr: Number(syscall) } : { syscall }),
        args: args.map(numberOf),
      }
      const decision = simulate(filters, call)
      if (options.json) printJson(decision)
      else print(`${syscall}(${args.join(', ')}): ${decisionText(decision)}`)
    })
}

function numberOf(word: string): bigint {
  const [, sign, digits] = /^(-?)(0x[0-9a-f]+|\d+)$/i.exec(word) ?? []
  if (digits === undefined) throw new UsageError(`${word} is no number: give 5, 0x1000 or -100`)
  // A mode of open(2), as C has it.
  const octal = /^0[0-7]+$/.test(digits)
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits)
  return sign === '-' ? -value : value
}

interface RunFlags {
  readonly policy: string
  readonly log?: boolean
  readonly json?: boolean
}

function runCommand(): Command {
  return new Command('run')
    .description(
      'run a command under a policy (Linux): its status is the command’s, or 128 and a signal’s number',
    )
    .requiredOption('-p, --policy <file>', 'policy as JSON, or a filter')
    .option('--log', 'have the kernel log what the filter does not allow')
    .option('--json', 'tell how the command ended, with one JSON object on standard error')
    .argument('<command...>', 'the command and its arguments, behind --')
    .addHelpText('after', '\nExample:\n  skep seccomp run --policy policy.json -- node server.js')
    .action(async (words: readonly string[], options: RunFlags) => {
      const end = await runConfined(words, await readFilter(options.policy), options.log ?? false)
      if (options.json) process.stderr.write(`${JSON.stringify(end)}\n`)
      else if (end.signal === 'SIGSYS')
        process.stderr.write('skep: the command made a system call that the filter kills for [SIGSYS]\n')
      process.exitCode = statusOf(end)
    })
}

interface LearnFlags {
  readonly output?: string
  readonly also?: readonly string[]
  readonly json?: boolean
}

function learnCommand(): Command {
  return new Command('learn')
    .description('run a command (Linux) and write the policy of what it called')
    .argument('<command...>', 'the command and its arguments, behind --')
    .option(
      '-o, --output <file>',
      'write the policy there; else to standard output, and the command’s goes to stderr',
    )
    .option(
      '--also <calls>',
      'names of calls to allow besides, with commas between; may be given again',
      collect,
    )
    .option('--json', 'with -o: tell how the command ended, with one JSON object')
    .addHelpText('after', '\nExample:\n  skep seccomp learn -- node server.js > policy.json')
    .action(async (words: readonly string[], options: LearnFlags) => {
      const also = commas(options.also)
      const unknown = also.find((name) => !isSyscallName(name))
      if (unknown !== undefined) throw new UsageError(`--also: no architecture has a system call ${unknown}`)
      const { output } = options
      const { policy, calls, end } = await learnFrom(words, output === undefined ? 2 : 'inherit', also)
      if (output === undefined) print(policyText(policy))
      else await writeFile(output, `${policyText(policy)}\n`)
      const rules = policy.rules.reduce((sum, { syscalls }) => sum + syscalls.length, 0)
      if (output !== undefined && options.json) printJson({ output, calls, allowed: rules, ...end })
      else process.stderr.write(`skep: ${calls} system calls seen, ${rules} different ones allowed\n`)
      if (statusOf(end) !== 0)
        process.stderr.write(
          `skep: the command ended with ${end.signal ?? `status ${end.code}`}: the policy may lack what it did not come to\n`,
        )
    })
}

function diffCommand(): Command {
  return new Command('diff')
    .description('show what differs between two policies, call by call')
    .argument('<before>', 'policy as JSON')
    .argument('<after>', 'policy as JSON')
    .option('--json', 'answer with a JSON array')
    .action(async (before: string, after: string, options: { readonly json?: boolean }) => {
      const differences = diffPolicies(await readPolicy(before), await readPolicy(after))
      if (options.json) printJson(differences)
      else if (differences.length === 0) print('no difference')
      else {
        const columns = ['ARCH', 'SYSCALL', 'BEFORE', 'AFTER'].map((name) => ({ name }))
        print(
          table(
            columns,
            differences.map((one) => [one.architecture, one.syscall, one.before ?? '-', one.after ?? '-']),
          ),
        )
      }
    })
}

interface ImportFlags {
  readonly arch: string
  readonly cap?: readonly string[]
  readonly kernel: string
  readonly output?: string
  readonly json?: boolean
}

function importCommand(): Command {
  return new Command('import')
    .description('make a policy of the profile of a container runtime')
    .addArgument(new Argument('<format>', 'what it is').choices(['oci']))
    .argument('<profile>', 'profile as JSON: of Docker, or linux.seccomp of the OCI; - for standard input')
    .option('--arch <name>', 'architecture of the container', 'x86_64')
    .option(
      '--cap <names>',
      'capabilities of the container, with commas between; may be given again',
      collect,
    )
    .addOption(new Option('--kernel <version>', 'version of the kernel').default('6.18'))
    .option('-o, --output <file>', 'write the policy there')
    .option('--json', 'answer with one JSON object: the policy and the notes')
    .addHelpText(
      'after',
      '\nExample:\n  skep seccomp import oci default.json --cap CAP_NET_ADMIN -o policy.json',
    )
    .action(async (_format: string, file: string, options: ImportFlags) => {
      const profile = profileIn(await readJson(file))
      const { arch, kernel } = options
      let imported: ReturnType<typeof parseOciProfile>
      try {
        imported = parseOciProfile(profile, { arch, kernel, capabilities: commas(options.cap) })
      } catch (error) {
        throw inFile(file, error)
      }
      const { policy, notes } = imported
      if (options.output !== undefined) await writeFile(options.output, `${policyText(policy)}\n`)
      if (options.json) printJson({ policy, notes })
      else {
        for (const note of notes) process.stderr.write(`skep: ${note}\n`)
        if (options.output === undefined) print(policyText(policy))
      }
    })
}

/** A whole configuration of the OCI has its profile inside. */
function profileIn(json: unknown): unknown {
  const { linux } = (json ?? {}) as { linux?: { seccomp?: unknown } }
  return linux?.seccomp ?? json
}

const policyText = (policy: SeccompPolicy): string => JSON.stringify(policy, jsonValue, 2)
