import { hasHelper, hasMapType, hasProgramType, type Kernel, knownTypes } from '@skep/linux'
import type { Platform } from '@skep/runtime'
import type { Features } from '../commands/feature.ts'

/** Types whose helpers the verifier looks at after what they attach to, which a probe has not. */
const attached: ReadonlySet<string> = new Set(['tracing', 'lsm', 'ext', 'struct_ops'])

/** What the running kernel has, asked of it: program types, map types, helpers by program type, its functions. */
export function kernelFeatures(kernel: Kernel, platform: Platform): Features {
  const programs = knownTypes.programs.map((name) => [name, hasProgramType(kernel, name)] as const)
  const helpers = [...platform.helpers].filter(({ id }) => id < 0x1_0000)
  return {
    program_types: Object.fromEntries(programs.map(([name, here]) => [`have_${name}_prog_type`, here])),
    map_types: Object.fromEntries(
      knownTypes.maps.map((name) => [`have_${name}_map_type`, hasMapType(kernel, name)]),
    ),
    helpers: Object.fromEntries(
      programs.map(([name, here]) => [
        `${name}_available_helpers`,
        here && !attached.has(name)
          ? helpers.filter(({ id }) => hasHelper(kernel, name, id)).map((helper) => helper.name)
          : [],
      ]),
    ),
    kfuncs: Object.fromEntries(
      [...platform.kfuncs].map(({ name }) => [
        `have_${name}_kfunc`,
        kernel.vmlinux?.find('func', name) !== undefined,
      ]),
    ),
  }
}
