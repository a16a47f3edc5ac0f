import type { Platform, ProgramTypeDef, SectionDef } from '@skep/registry'

/** What a section's name says about the programs in it. */
export interface SectionMeaning {
  /** The name without the `?` that says not to load the program. */
  readonly section: string
  /** Undefined where the platform has no such section. */
  readonly type: string | undefined
  readonly attachType?: string
  readonly flags?: number
  /** What follows the prefix: the function or program to attach to. */
  readonly attachTo?: string
  readonly autoload: boolean
  /** The section of the table that the name only begins with. */
  readonly loose?: string
}

/**
 * Looks a section up in the program types' tables: the longest match wins, as in libbpf. Where none matches, a name may
 * begin with that of a section that is not for tracing (`xdp_drop`, `socket1`): libbpf took those before 1.0, and so do
 * other loaders. Without a platform the type is the first word of the name (`xdp/devmap` → `xdp`).
 */
export function sectionMeaning(name: string, platform: Platform | undefined): SectionMeaning {
  const autoload = !name.startsWith('?')
  const plain = autoload ? name : name.slice(1)
  if (!platform) return { section: plain, type: plain.split(/[/.]/, 1)[0]!, autoload }
  const exact = longest(platform, (section) => match(section, plain))
  const best = exact ?? longest(platform, (section, type) => beginning(section, type, plain))
  if (!best) return { section: plain, type: undefined, autoload }
  const { attachType, flags } = best.section
  return {
    section: plain,
    type: best.type,
    autoload,
    ...(attachType === undefined ? {} : { attachType }),
    ...(flags === undefined ? {} : { flags }),
    ...(best.rest === undefined ? {} : { attachTo: best.rest }),
    ...(exact ? {} : { loose: best.section.name }),
  }
}

interface Match {
  readonly type: string
  readonly section: SectionDef
  readonly rest: string | undefined
}

function longest(
  platform: Platform,
  matches: (section: SectionDef, type: ProgramTypeDef) => string | undefined | null,
): Match | undefined {
  let best: Match | undefined
  for (const type of platform.programTypes) {
    for (const section of type.sections ?? []) {
      const rest = matches(section, type)
      if (rest === null || (best && best.section.name.length >= section.name.length)) continue
      best = { type: type.name, section, rest }
    }
  }
  return best
}

/** Names of tracing sections were never taken so. */
const beginning = (section: SectionDef, type: ProgramTypeDef, name: string): undefined | null =>
  !type.tracing && type.context.kind !== 'args' && name.startsWith(section.name) ? undefined : null

/** The part after the prefix, undefined for the whole name, null for no match. */
function match(section: SectionDef, name: string): string | undefined | null {
  if (name === section.name) return undefined
  if (!section.prefix) return null
  const prefix = section.name.endsWith('/') ? section.name : `${section.name}/`
  return name.startsWith(prefix) ? name.slice(prefix.length) : null
}
