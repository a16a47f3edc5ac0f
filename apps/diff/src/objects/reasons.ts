import type { Answer } from './reference.ts'

/** A kind of objects that libbpf refuses and this loader takes: said in the loader's README and in the reference page. */
export interface Known {
  readonly kind: string
  /** Why it is taken. */
  readonly why: string
}

export const UNTYPED: Known = {
  kind: 'functions without a type in their symbols',
  why: 'clang before 7 wrote them so. libbpf finds no program in such an object from 0.2 on.',
}

/** By what libbpf says when it refuses; the first that fits. */
const KNOWN: readonly (Known & { readonly text: RegExp })[] = [
  {
    text: /legacy map definitions in 'maps' section/,
    kind: '`SEC("maps")` of other loaders',
    why: 'libbpf took such maps before 1.0, where nothing stands behind `map_flags`. These have ids, pinning or templates there, as iproute2, Cilium and the kernel’s samples wrote them.',
  },
  {
    text: /is static and not supported/,
    kind: 'static programs',
    why: 'Loaders of before libbpf 1.0 took them, as Cilium’s own objects still show; a note says so.',
  },
  {
    text: /unsupported map linkage static/,
    kind: 'static maps',
    why: 'A static map is as good as a global one where nothing else is linked to it.',
  },
  {
    text: /bad map relo against '.*' in section '\.addr_space\.1'/,
    kind: 'arenas',
    why: 'libbpf knows them from 1.4 on.',
  },
  {
    text: /invalid pinning value/,
    kind: 'pinning of another loader',
    why: 'iproute2 and Cilium have more values than libbpf; the map is not pinned, and a note says so.',
  },
  {
    text: /bad map relo against '.*' in section 'maps\//,
    kind: '`SEC("maps/name")`',
    why: 'A section for each map is a convention of loaders before BTF.',
  },
  {
    text: /not found in kernel (?:or module )?BTF|\(strong\): not resolved/,
    kind: 'externs that the running kernel has not',
    why: 'They are references in the spec; whoever loads it refuses those that nobody has.',
  },
]

/** Undefined where the reason is none of those that are meant. */
export function knownReason(answer: Answer): Known | undefined {
  const reason = answer.kind === 'taken' ? '' : answer.reason
  return KNOWN.find(({ text }) => text.test(reason))
}

/** Why what is made of an object may differ, by the text of a difference. */
const CAUSES: readonly { readonly text: RegExp; readonly cause: string }[] = [
  {
    text: /^maps\[[^\]]*\]\.valueSize: 4 here, 0 of libbpf$/,
    cause:
      'a map of maps whose template `inner_map_idx` names, as the kernel’s samples had it; libbpf 0.1 does not read it',
  },
  {
    text: /^programs: (\w+) here, \w+, \1 of libbpf$/,
    cause: 'a function of .text that nothing calls is a program to libbpf 0.1, and no more from 0.2 on',
  },
  {
    text: /^programs\[[^\]]*\]\.lines: \d+ here, \d+ of libbpf$/,
    cause:
      'the records of the section are not in order: libbpf stops at the first that lies behind the program, here all of the program’s are kept',
  },
]

export const causeOf = (difference: string): string | undefined =>
  CAUSES.find(({ text }) => text.test(difference))?.cause
