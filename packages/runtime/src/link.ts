import { decode, type Insn, insn as make } from '@skep/isa'
import type {
  LinkedHelper,
  LinkedMap,
  LinkedProgram,
  Platform,
  ProgramFacts,
  ProgramSpec,
} from '@skep/registry'
import { RuntimeError } from './errors.ts'
import { withExceptionCallback } from './exceptions.ts'

const BPF_PSEUDO_FUNC = 4

/** What linking needs of the live runtime. */
export interface Linker {
  readonly platform: Platform
  /** Live maps by the names that the spec uses. */
  map(name: string): LinkedMap | undefined
  /** Address of the first value, for globals. */
  valueAddress(name: string): number
  helper(id: number): Promise<LinkedHelper>
  kfunc(name: string): Promise<LinkedHelper>
}

/** Resolves a verified program's references: maps and globals become addresses, helpers functions. */
export async function linkProgram(
  spec: ProgramSpec,
  mapNames: readonly string[],
  facts: ProgramFacts | undefined,
  linker: Linker,
): Promise<LinkedProgram> {
  const insns: Insn[] = decode(spec.insns)
  for (const [slot, insn] of insns.entries()) {
    // As it is encoded, a callback's address is a distance.
    if (insn.def.name === 'ld_imm64' && insn.src === BPF_PSEUDO_FUNC) {
      insns[slot] = { ...insn, imm64: BigInt(slot + 1 + insn.imm) }
    }
  }
  const helpers = new Map<number, LinkedHelper>()
  let thrower: number | undefined
  for (const reference of spec.references) {
    const insn = insns[reference.insn]
    if (!insn) {
      throw new RuntimeError(
        'BAD_REFERENCE',
        spec.name,
        `${spec.name}: a reference (${reference.kind}) at insn ${reference.insn}, but there are ${insns.length} instructions`,
      )
    }
    switch (reference.kind) {
      case 'map':
        insns[reference.insn] = {
          ...insn,
          src: 0,
          imm64: BigInt(liveMap(linker, spec, reference.map).address),
        }
        break
      case 'map_value': {
        liveMap(linker, spec, reference.map)
        const address = linker.valueAddress(reference.map) + reference.offset
        insns[reference.insn] = { ...insn, src: 0, imm64: BigInt(address >>> 0) }
        break
      }
      case 'func':
        insns[reference.insn] = { ...insn, src: BPF_PSEUDO_FUNC, imm64: BigInt(reference.target) }
        break
      case 'kfunc': {
        if (facts && !facts.reachable[reference.insn]) break
        if (!facts) refuseUnverified(spec, reference.name)
        // For engines it is a helper under a number that no helper has.
        const linked = await linker.kfunc(reference.name)
        helpers.set(linked.def.id, linked)
        if (linker.platform.kfuncs.byName(reference.name)?.verify?.effect === 'throw') thrower = linked.def.id
        insns[reference.insn] = make.call_helper(linked.def.id)
        break
      }
      case 'ksym':
        throw new RuntimeError(
          'ABSENT',
          reference.name,
          `${spec.name}: insn ${reference.insn} uses the kernel's symbol ${reference.name}, which a runtime has not`,
        )
    }
  }
  for (const [slot, insn] of insns.entries()) {
    if (insn.def.name !== 'call_helper' || helpers.has(insn.imm)) continue
    if (facts && !facts.reachable[slot]) continue
    if (!facts) refuseForeignHelper(spec, insn.imm, linker.platform)
    helpers.set(insn.imm, await linker.helper(insn.imm))
  }
  const context = linker.platform.programTypes.get(spec.type)?.context
  const linked: LinkedProgram = {
    name: spec.name,
    insns,
    subprograms: facts?.subprograms ?? subprogramStarts(spec, insns),
    ...(facts ? { facts } : {}),
    helpers,
    maps: mapNames.map((name) => linker.map(name)!),
    ...(context?.kind === 'struct' ? { context } : {}),
  }
  return thrower === undefined ? linked : withExceptionCallback(linked, thrower)
}

function liveMap(linker: Linker, spec: ProgramSpec, name: string): LinkedMap {
  const map = linker.map(name)
  if (!map)
    throw new RuntimeError(
      'BAD_REFERENCE',
      name,
      `${spec.name}: refers to map "${name}", which the collection has not`,
    )
  return map
}

/** Without facts: function starts from the spec, local calls and callbacks. */
function subprogramStarts(spec: ProgramSpec, insns: readonly Insn[]): number[] {
  const starts = new Set([0, ...spec.functions.map((f) => f.insn)])
  for (const [slot, insn] of insns.entries()) {
    if (insn.def.name === 'call_local') starts.add(slot + 1 + insn.imm)
  }
  for (const reference of spec.references) if (reference.kind === 'func') starts.add(reference.target)
  return [...starts].sort((a, b) => a - b)
}

/** Nobody verified this program: a helper of another program type would take its context for what it is not. */
function refuseForeignHelper(spec: ProgramSpec, id: number, platform: Platform): void {
  const type = platform.programTypes.get(spec.type)
  const def = platform.helpers.byId(id)
  if (def?.args.some(({ kind }) => OBJECTS.includes(kind))) refuseUnverified(spec, def.name)
  if (!type || !def || platform.allows(type, def)) return
  throw new RuntimeError(
    'UNKNOWN_HELPER',
    def.name,
    `${spec.name}: programs of type ${type.name} may not call ${def.name}`,
  )
}

/** Arguments that are objects of the runtime's own: nothing but the verifier keeps a program from making them up. */
const OBJECTS: readonly string[] = ['timer', 'kptr_xchg_dest', 'percpu_btf_id']

/** Only the verifier knows what a kernel function may be given. */
function refuseUnverified(spec: ProgramSpec, name: string): never {
  throw new RuntimeError(
    'ABSENT',
    name,
    `${spec.name}: calls ${name}; programs that are not verified may call helpers only, and none that takes timers or objects`,
  )
}
