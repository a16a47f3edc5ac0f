import { KernelError } from '@skep/linux'
import { MapError } from '@skep/maps'

const hex = (bytes: Uint8Array): unknown => Buffer.from(bytes).toString('hex')

/** What an operation of the host gives, here or in the kernel, values written as told; or its errno. */
export function outcome(run: () => unknown, written: (value: Uint8Array) => unknown = hex): unknown {
  try {
    const result = run()
    return result instanceof Uint8Array ? written(result) : result
  } catch (error) {
    if (error instanceof MapError) return error.code
    if (error instanceof KernelError) return error.errno
    throw error
  }
}
