import { readFile } from 'node:fs/promises'
import { isKernelAvailable, openKernel } from '@skep/linux'

/** BTF of the running kernel, where it shows it. */
export const kernelBtf: Uint8Array | undefined = await readFile('/sys/kernel/btf/vmlinux').catch(
  () => undefined,
)

/** Why the running kernel cannot be asked; undefined where it is the one whose rules, lines and logs these are. */
export const noKernel: string | undefined = await reason()

/** The same for programs that need its types. */
export const missing: string | undefined = noKernel ?? (kernelBtf ? undefined : 'the kernel shows no BTF')

async function reason(): Promise<string | undefined> {
  const availability = await isKernelAvailable()
  if (!availability.ok) return availability.reason
  using kernel = await openKernel()
  return kernel.release.startsWith('6.18.') ? undefined : `this is Linux ${kernel.release}, not 6.18`
}
