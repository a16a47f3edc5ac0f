import { Command, CommanderError } from 'commander'
import { asmCommand } from './commands/asm.ts'
import { demoCommand } from './commands/demo.ts'
import { disasmCommand } from './commands/disasm.ts'
import { explainCommand } from './commands/explain.ts'
import { runCommand } from './commands/run.ts'
import { verifyCommand } from './commands/verify.ts'
import { EXIT, reportError } from './report.ts'
import { version } from './version.ts'

const program = new Command('skep')
  .description('eBPF for TypeScript: verify, run and inspect BPF programs without a kernel')
  .version(version)
  .showHelpAfterError('(add --help for usage)')
  .showSuggestionAfterError()
  .exitOverride()
  .addCommand(verifyCommand())
  .addCommand(explainCommand())
  .addCommand(runCommand())
  .addCommand(disasmCommand())
  .addCommand(asmCommand())
  .addCommand(demoCommand(), { hidden: true })

// A reader that stops early (head) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.fine)
  throw error
})

for (const command of program.commands) command.exitOverride().showHelpAfterError('(add --help for usage)')

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage
  } else {
    process.exitCode = reportError(error)
  }
}
