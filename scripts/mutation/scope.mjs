// Which files of the verifier the mutation test changes, and which of them make up its score.

/** Files that hold no check and no transfer function, and why. */
export const OUTSIDE = {
  'src/index.ts': 'exports',
  'src/row.ts': 'input conversion',
  'src/log.ts': 'text of the log',
  'src/log-state.ts': 'text of the log',
  'src/errors.ts': 'text of errors',
  'src/stats.ts': 'text of the log',
  'src/scalar/format.ts': 'text of the log',
  'src/scalar/index.ts': 'names of the WebAssembly module’s functions',
  'src/scalar/random-programs.ts': 'a generator for tests',
  'src/scalar/sampling.ts': 'a generator for tests',
  'src/layout.ts': 'offsets',
  'src/scratch.ts': 'offsets',
  'src/verdict-key.ts': 'the name of a kept verdict',
  'assembly/index.ts': 'exports',
}

/** Folders of the same kind. */
const FOLDERS = { 'src/refusals/': 'text about refusals', 'src/explain/': 'text about refusals' }

/** Does the mutation test change this file? */
export const isMutated = (name) =>
  !Object.hasOwn(OUTSIDE, name) && !Object.keys(FOLDERS).some((folder) => name.startsWith(folder))

/**
 * Files whose code runs only with a kernel's BTF: kernel functions, typed tracepoints, kernel structs. Their tests ask the
 * running kernel, and are no part of a score that should be the same on every machine.
 */
const KERNEL_TYPES =
  /^src\/(kfunc\/|kernel-|attach-|struct-|target-|ksyms|kptr|record\.|btf-access|exceptions)/

export const needsKernelTypes = (name) => KERNEL_TYPES.test(name)
