import type { Command } from 'commander'
import { netCommand as run } from '../kernel/net.ts'
import { type KernelOptions, kernelCommand, Words, withKernel } from '../kernel/with-kernel.ts'

/** `skep net`: bpftool's words. */
export const netCommand = (): Command =>
  kernelCommand('net', 'programs on network interfaces, in bpftool’s words')
    .argument('[words...]')
    .addHelpText('after', '\nExample:\n  skep net show --kernel')
    .action((words: string[], options: KernelOptions) =>
      withKernel('net', options, (kernel, print) => run(kernel, new Words('net', words), print)),
    )
