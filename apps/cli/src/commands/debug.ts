import { Command } from 'commander'
import type { Debuggee } from '../debug/open-session.ts'
import { UsageError } from '../report.ts'

interface Options extends Omit<Debuggee, 'file' | 'name' | 'packet'> {
  readonly program?: string
  readonly packet?: string
  readonly dap?: boolean
}

/** `skep debug FILE`: steps through a program, forward and backward. */
export function debugCommand(): Command {
  return new Command('debug')
    .description('step through a program, forward and backward, here or in an editor')
    .argument('[file]', 'object file')
    .option('-p, --program <name>', 'the program; the only one when absent')
    .option('--data <hex>', 'the packet')
    .option('--pcap <file>', 'a capture that the packet is of')
    .option('--packet <number>', 'its number in the capture, from 1')
    .option('--ctx <hex>', 'the context, as BPF_PROG_TEST_RUN takes it')
    .option('--dap', 'speak the Debug Adapter Protocol on standard input and output')
    .addHelpText(
      'after',
      `
The commands are gdb's; help tells them. Editors give the file and the options in their launch configuration: program (the
file), name, data, pcap, packet, ctx, stopOnEntry.

Example:
  skep debug firewall.o --pcap traffic.pcap --packet 7
  skep debug --dap`,
    )
    .action(async (file: string | undefined, { dap, program, packet, ...input }: Options) => {
      if (dap) {
        if (file !== undefined)
          throw new UsageError('--dap takes no file: the launch configuration of the editor names it')
        const { SkepDebugSession } = await import('../debug/dap-session.ts')
        new SkepDebugSession().start(process.stdin, process.stdout)
        return
      }
      if (file === undefined) throw new UsageError('name an object file, or say --dap')
      const { openSession } = await import('../debug/open-session.ts')
      const { runTerminal } = await import('../debug/terminal.ts')
      const open = await openSession({
        ...input,
        file,
        name: program,
        packet: packet === undefined ? undefined : Number(packet),
      })
      try {
        await runTerminal(open)
      } finally {
        open.close()
      }
    })
}
