import { type Kernel, type PreparedCollection, type ProgramOptions, prepareCollection } from '@skep/linux'
import type { CollectionSpec, ProgramSpec } from '@skep/runtime'

/** An object whose maps are in the running kernel. */
export class KernelObject {
  readonly #kernel: Kernel
  readonly #prepared: PreparedCollection

  /** Makes the maps. Throws KernelError where the kernel refuses one. */
  constructor(kernel: Kernel, spec: CollectionSpec) {
    this.#kernel = kernel
    this.#prepared = prepareCollection(kernel, spec)
  }

  /** Throws KernelArgumentError where this kernel lacks what the program needs. */
  loads(program: ProgramSpec): KernelLoads {
    return new KernelLoads(this.#kernel, this.#prepared.options(program, { logLevel: 0 }))
  }

  close(): void {
    this.#prepared.close()
  }
}

/** One program, ready to be loaded into the running kernel again and again. */
export class KernelLoads {
  readonly #kernel: Kernel
  readonly #options: ProgramOptions

  constructor(kernel: Kernel, options: ProgramOptions) {
    this.#kernel = kernel
    this.#options = options
  }

  /** Instructions that the kernel walks; an errno, where it refuses the program. */
  walked(): number | string {
    const program = this.#kernel.loadProgram(this.#options)
    if (!program.ok) return program.errno
    const { verifiedInsns } = program
    program.close()
    return verifiedInsns
  }

  /** Nanoseconds of one BPF_PROG_LOAD without a log: verification, and the kernel's compilation to machine code. */
  time(): number {
    const start = performance.now()
    const program = this.#kernel.loadProgram(this.#options)
    const end = performance.now()
    if (program.ok) program.close()
    return (end - start) * 1e6
  }
}
