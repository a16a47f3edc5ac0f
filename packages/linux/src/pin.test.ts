import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isKernelAvailable, openKernel } from './kernel.ts'

const available = await isKernelAvailable()

describe.skipIf(!available.ok)(`pin${available.ok ? '' : ` (skipped: ${available.reason})`}`, () => {
  it('keeps the thread on one CPU', async () => {
    ;(await openKernel()).pin(0)
    expect(readFileSync('/proc/thread-self/status', 'utf8')).toMatch(/^Cpus_allowed_list:\s+0$/m)
  })

  it('names a CPU that there is not', async () => {
    const kernel = await openKernel()
    expect(() => kernel.pin(1000)).toThrow(/sched_setaffinity.*EINVAL|EINVAL.*sched_setaffinity/)
  })
})
