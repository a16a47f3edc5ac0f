import type { HelperDef } from './helper.ts'

/** What decides whether a program may call a helper, and with which prototype. */
export interface HelperUser {
  /** Names; `attachType` is absent where the program type has none of that id. */
  readonly programType: string
  readonly attachType?: string | undefined
  /** The kernel function, iterator, or `struct:member` that the program attaches to. */
  readonly attachTo?: string | undefined
  /** CAP_BPF and CAP_PERFMON of the loader. */
  readonly bpf: boolean
  readonly perfmon: boolean
  /** Features of the kernel that the program is for (HelperDef.feature). */
  readonly features?: readonly string[]
}

/** Whether the attach type, attach target, capabilities and features allow the helper; the program type is `Platform.allows`'s. */
export function helperAllowed(helper: HelperDef, user: HelperUser): boolean {
  const { programType, attachType = '', attachTo } = user
  if (helper.feature !== undefined && !user.features?.includes(helper.feature)) return false
  const attachTypes = helper.attachTypes?.[programType]
  if (attachTypes && !attachTypes.includes(attachType)) return false
  const targets = helper.attachTo?.[`${programType}/${attachType}`] ?? helper.attachTo?.[programType]
  if (targets && !isTarget(targets, attachTo)) return false
  if (!helper.capability || helper.capabilityFree?.includes(programType)) return true
  return helper.capability === 'bpf' ? user.bpf : user.perfmon
}

/** Whether the helper's own check lets the program call it: otherwise "helper call is not allowed in probe". */
export function helperProbeAllowed(helper: HelperDef, user: HelperUser): boolean {
  if (!helper.probe) return true
  const { programType, attachType = '', attachTo } = user
  const rule = helper.probe[`${programType}/${attachType}`] ?? helper.probe[programType]
  return rule === true || (rule !== undefined && isTarget(rule, attachTo))
}

/** Whether the list has the target, or the struct of a target `struct:member`. */
function isTarget(list: readonly string[], attachTo: string | undefined): boolean {
  if (attachTo === undefined) return false
  const colon = attachTo.indexOf(':')
  return list.includes(attachTo) || (colon > 0 && list.includes(attachTo.slice(0, colon)))
}

/** The helper as this program sees it: with the fields of its first variant that matches, or as it is. */
export function helperFor<H extends HelperDef>(helper: H, user: HelperUser): H {
  const variant = helper.variants?.find(
    (v) =>
      v.programTypes.includes(user.programType) &&
      (!v.attachTypes || (user.attachType !== undefined && v.attachTypes.includes(user.attachType))),
  )
  if (!variant) return helper
  const { programTypes: _types, attachTypes: _attach, ...fields } = variant
  return { ...helper, ...fields }
}
