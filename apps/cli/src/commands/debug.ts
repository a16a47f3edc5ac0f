import { Command } from 'commander'
import { UsageError } from '../report.ts'

interface Options {
  readonly dap?: boolean
}

/** `skep debug --dap`: a Debug Adapter Protocol server on standard input and output. */
export function debugCommand(): Command {
  return new Command('debug')
    .description('step through a program: a server of the Debug Adapter Protocol, for editors')
    .option('--dap', 'speak the Debug Adapter Protocol on standard input and output')
    .addHelpText(
      'after',
      `
Launch arguments of the editor's configuration: program (the object file), name (of the program in it), data (the packet in
hex) or pcap and packet (its number), ctx (in hex), stopOnEntry.

Example:
  skep debug --dap`,
    )
    .action(async ({ dap }: Options) => {
      if (!dap) throw new UsageError('say --dap; there is no other face yet')
      const { SkepDebugSession } = await import('../debug/dap-session.ts')
      new SkepDebugSession().start(process.stdin, process.stdout)
    })
}
