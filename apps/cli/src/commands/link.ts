import type { Command } from 'commander'
import { linkCommand as run } from '../kernel/link.ts'
import { type KernelOptions, kernelCommand, Words, withKernel } from '../kernel/with-kernel.ts'

/** `skep link`: bpftool's words. */
export const linkCommand = (): Command =>
  kernelCommand('link', 'links of the running kernel, in bpftool’s words')
    .argument('[words...]')
    .addHelpText('after', '\nExample:\n  skep link show --kernel')
    .action((words: string[], options: KernelOptions) =>
      withKernel('link', options, (kernel, print) => run(kernel, new Words('link', words), print)),
    )
