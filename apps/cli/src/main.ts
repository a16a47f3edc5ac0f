import { Command, CommanderError } from 'commander'
import { EXIT, reportError } from './report.ts'
import { version } from './version.ts'

const program = new Command('skep')
  .description('eBPF for TypeScript: verify, run and inspect BPF programs without a kernel')
  .version(version)
  .showHelpAfterError('(add --help for usage)')
  .showSuggestionAfterError()
  .exitOverride()

/** Each is read when it is asked for; help needs them all. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  explain: async () => (await import('./commands/explain.ts')).explainCommand(),
  run: async () => (await import('./commands/run.ts')).runCommand(),
  filter: async () => (await import('./commands/filter.ts')).filterCommand(),
  tc: async () => (await import('./commands/tc.ts')).tcCommand(),
  seccomp: async () => (await import('./commands/seccomp.ts')).seccompCommand(),
  trace: async () => (await import('./commands/trace.ts')).traceCommand(),
  debug: async () => (await import('./commands/debug.ts')).debugCommand(),
  compile: async () => (await import('./commands/compile.ts')).compileCommand(),
  disasm: async () => (await import('./commands/disasm.ts')).disasmCommand(),
  gen: async () => (await import('./commands/gen.ts')).genCommand(),
  btf: async () => (await import('./commands/btf.ts')).btfCommand(),
  asm: async () => (await import('./commands/asm.ts')).asmCommand(),
  prog: async () => (await import('./commands/prog.ts')).progCommand(),
  map: async () => (await import('./commands/map.ts')).mapCommand(),
  link: async () => (await import('./commands/link.ts')).linkCommand(),
  net: async () => (await import('./commands/net.ts')).netCommand(),
  perf: async () => (await import('./commands/perf.ts')).perfCommand(),
  feature: async () => (await import('./commands/feature.ts')).featureCommand(),
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
}
/** Reads the command line and does what it says. Sets the exit status. */
async function main(): Promise<void> {
  const asked = process.argv[2] ?? ''
  for (const name of Object.hasOwn(commands, asked) ? [asked] : Object.keys(commands)) {
    program.addCommand(await commands[name]!(), { hidden: name === 'demo' })
  }
  for (const command of program.commands.flatMap((one) => [one, ...one.commands]))
    command.exitOverride().showHelpAfterError('(add --help for usage)')
  try {
    await program.parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage
    } else {
      process.exitCode = reportError(error)
    }
  }
}

// A reader that stops early (head) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.fine)
  throw error
})

void main()
