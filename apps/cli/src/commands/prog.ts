import type { Command } from 'commander'
import { progCommand as run } from '../kernel/prog.ts'
import { type KernelOptions, kernelCommand, Words, withKernel } from '../kernel/with-kernel.ts'

/** `skep prog`: bpftool's words. */
export const progCommand = (): Command =>
  kernelCommand('prog', 'programs of the running kernel, in bpftool’s words')
    .argument('[words...]')
    .addHelpText('after', '\nExample:\n  skep prog show --kernel --json')
    .action((words: string[], options: KernelOptions) =>
      withKernel('prog', options, (kernel, print) => run(kernel, new Words('prog', words), print)),
    )
