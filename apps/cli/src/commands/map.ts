import type { Command } from 'commander'
import { mapCommand as run } from '../kernel/map.ts'
import { type KernelOptions, kernelCommand, Words, withKernel } from '../kernel/with-kernel.ts'

/** `skep map`: bpftool's words. */
export const mapCommand = (): Command =>
  kernelCommand('map', 'maps of the running kernel, in bpftool’s words')
    .argument('[words...]')
    .addHelpText('after', '\nExample:\n  skep map dump name blocked --kernel')
    .action((words: string[], options: KernelOptions) =>
      withKernel('map', options, (kernel, print) => run(kernel, new Words('map', words), print)),
    )
