import { type HelperDef, type HelperUser, helperAllowed, helperFor, helperProbeAllowed } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import {
  call,
  type Kernel,
  type Load,
  loads,
  missing,
  named,
  openKernel,
  platform,
  program,
  refusal,
  unknownReturn,
} from './platform.ts'

type Verdict = 'allowed' | 'not in this type' | 'not in this probe' | 'GPL alone'

/** What the running kernel says of a helper in a program of a type. */
function kernelVerdict(kernel: Kernel, load: Load, helper: HelperDef, license: string): Verdict {
  const log = refusal(kernel, { ...load.options, license }, program(call(helper.id), ...unknownReturn)) ?? ''
  if (/cannot use helper|unknown func|invalid func/.test(log)) return 'not in this type'
  if (/not allowed in probe/.test(log)) return 'not in this probe'
  return /GPL-restricted/.test(log) ? 'GPL alone' : 'allowed'
}

/** What the tables say. */
function verdict(load: Load, helper: HelperDef, perfmon: boolean, license: string): Verdict {
  const user: HelperUser = {
    programType: load.type.name,
    attachType: load.attachType || undefined,
    attachTo: load.attachTo,
    bpf: true,
    perfmon,
  }
  if (!platform.allows(load.type, helper) || !helperAllowed(helper, user)) return 'not in this type'
  if (license !== 'GPL' && helperFor(helper, user).gplOnly) return 'GPL alone'
  return helperProbeAllowed(helper, user) ? 'allowed' : 'not in this probe'
}

function differences(kernel: Kernel, perfmon: boolean, license: string): string[] {
  const found: string[] = []
  for (const load of loads(kernel)) {
    if (license !== 'GPL' && load.type.gplOnly) continue
    for (const helper of platform.helpers) {
      const [theirs, ours] = [
        kernelVerdict(kernel, load, helper, license),
        verdict(load, helper, perfmon, license),
      ]
      if (theirs !== ours) found.push(`${load.label}: ${helper.name}: kernel "${theirs}", tables "${ours}"`)
    }
  }
  return found
}

describe.skipIf(missing)(named('helpers by program type, attach type and loader'), () => {
  it('are those of the kernel', async () => {
    using kernel = await openKernel()
    expect(loads(kernel).length).toBeGreaterThan(60)
    expect(differences(kernel, true, 'GPL')).toEqual([])
  })

  it('are those of the kernel under another licence', async () => {
    using kernel = await openKernel()
    expect(differences(kernel, true, 'Proprietary')).toEqual([])
  })

  it('are those of the kernel for a loader without CAP_PERFMON', async () => {
    using kernel = await openKernel()
    expect(kernel.without(['CAP_PERFMON', 'CAP_SYS_ADMIN'], () => differences(kernel, false, 'GPL'))).toEqual(
      [],
    )
  })
})
