import { readFile } from 'node:fs/promises'

const RUNNING = '/sys/kernel/btf/vmlinux'

/** The kernel's types: of the file given, else of the running kernel where there is one. */
export async function kernelBtf(file: string | undefined): Promise<{ kernelBtf?: Uint8Array }> {
  if (file !== undefined) return { kernelBtf: await readFile(file) }
  try {
    return { kernelBtf: await readFile(RUNNING) }
  } catch {
    // No kernel, or one without BTF: programs that need its types are then refused by name.
    return {}
  }
}
