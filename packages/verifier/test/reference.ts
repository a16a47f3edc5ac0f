import { readFile } from 'node:fs/promises'
import { isKernelAvailable, openKernel } from '@skep/linux'

/** BTF of the running kernel, where it shows it. */
export const kernelBtf: Uint8Array | undefined = await readFile('/sys/kernel/btf/vmlinux').catch(
  () => undefined,
)

/** Why the running kernel cannot be asked what it says of programs that need its types; undefined where it can. */
export const missing: string | undefined = await reason()

async function reason(): Promise<string | undefined> {
  const availability = await isKernelAvailable()
  if (!availability.ok) return availability.reason
  if (!kernelBtf) return 'the kernel shows no BTF'
  using kernel = await openKernel()
  return kernel.release.startsWith('6.18.') ? undefined : `this is Linux ${kernel.release}, not 6.18`
}
