import { readFile } from 'node:fs/promises'
import { availableParallelism, release } from 'node:os'
import { gunzipSync } from 'node:zlib'
import type { ParseOptions } from '@skep/runtime'

/**
 * What objects are read for: the kernel whose BTF is in the named file, or the running one with its configuration and
 * version, as far as it shows them.
 */
export async function targetKernel(kernelBtf?: string): Promise<ParseOptions> {
  if (kernelBtf !== undefined) return { kernelBtf: await readFile(kernelBtf) }
  const running = await readFile('/sys/kernel/btf/vmlinux').catch(() => undefined)
  const kconfig = await runningConfig()
  const kernelVersion = runningVersion()
  return {
    ...(running ? { kernelBtf: running } : {}),
    ...(kconfig === undefined ? {} : { kconfig }),
    ...(kernelVersion === undefined ? {} : { kernelVersion }),
  }
}

/** Its types alone, for who verifies. */
export const kernelTypes = ({ kernelBtf }: ParseOptions): Pick<ParseOptions, 'kernelBtf'> =>
  kernelBtf ? { kernelBtf } : {}

/** CPUs that this machine may ever have, as the kernel counts them. */
export async function possibleCpus(): Promise<number> {
  const list = await readFile('/sys/devices/system/cpu/possible', 'latin1').catch(() => undefined)
  if (list === undefined) return availableParallelism()
  // 0-3,8-11
  return list
    .trim()
    .split(',')
    .map((range) => range.split('-').map(Number))
    .reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0)
}

/** Where libbpf looks, too. */
async function runningConfig(): Promise<string | undefined> {
  const zipped = await readFile('/proc/config.gz').catch(() => undefined)
  if (zipped) return gunzipSync(zipped).toString('latin1')
  return readFile(`/boot/config-${release()}`, 'latin1').catch(() => undefined)
}

/** KERNEL_VERSION(a, b, c), with c at most 255. */
function runningVersion(): number | undefined {
  if (process.platform !== 'linux') return undefined
  const [, a, b, c] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release()) ?? []
  return a === undefined ? undefined : (Number(a) << 16) | (Number(b) << 8) | Math.min(Number(c ?? 0), 255)
}
