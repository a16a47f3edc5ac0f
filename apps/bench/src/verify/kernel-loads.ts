import { type Kernel, type PreparedCollection, type ProgramOptions, prepareCollection } from '@skep/linux'
import type { VerifySubject } from './subjects.ts'

/** One program, ready to be loaded into the running kernel again and again. */
export class KernelLoads {
  readonly #kernel: Kernel
  readonly #prepared: PreparedCollection
  readonly #options: ProgramOptions

  private constructor(kernel: Kernel, prepared: PreparedCollection, options: ProgramOptions) {
    this.#kernel = kernel
    this.#prepared = prepared
    this.#options = options
  }

  /** Makes the maps. Throws KernelError and KernelArgumentError where this kernel lacks what the program needs. */
  static open(kernel: Kernel, { spec, program }: VerifySubject): KernelLoads {
    const prepared = prepareCollection(kernel, spec)
    try {
      return new KernelLoads(kernel, prepared, prepared.options(program, { logLevel: 0 }))
    } catch (error) {
      prepared.close()
      throw error
    }
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

  close(): void {
    this.#prepared.close()
  }
}
