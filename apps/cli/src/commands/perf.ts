import type { Command } from 'commander'
import { perfCommand as run } from '../kernel/perf.ts'
import { type KernelOptions, kernelCommand, Words, withKernel } from '../kernel/with-kernel.ts'

/** `skep perf`: bpftool's words. */
export const perfCommand = (): Command =>
  kernelCommand('perf', 'programs on perf events and tracepoints, in bpftool’s words')
    .argument('[words...]')
    .addHelpText('after', '\nExample:\n  skep perf show --kernel')
    .action((words: string[], options: KernelOptions) =>
      withKernel('perf', options, (kernel, print) => run(kernel, new Words('perf', words), print)),
    )
