import type { ArgDesc } from './arg.ts'
import type { AttachPointDef, Link } from './attach-point.ts'
import type { ContextDef } from './context.ts'
import type { EngineDef } from './engine.ts'
import type { HelperDef } from './helper.ts'
import type { KfuncDef } from './kfunc.ts'
import type { LoaderDef } from './loader.ts'
import type { MapTypeDef } from './map-type.ts'
import type { ProgramOf } from './open-link.ts'
import { parseDefinition } from './parse.ts'
import type { PluginDef } from './plugin.ts'
import type { ProgramTypeDef } from './program-type.ts'
import type { RetDesc } from './ret.ts'

/** Checks and freezes a helper. Throws DefinitionError with the path to the field. */
export function defineHelper<const A extends readonly ArgDesc[], const R extends RetDesc>(
  definition: HelperDef<A, R>,
): HelperDef<A, R> {
  return parseDefinition('helper', definition)
}

/** Checks and freezes a kfunc. Throws DefinitionError with the path to the field. */
export function defineKfunc<const A extends readonly ArgDesc[], const R extends RetDesc>(
  definition: KfuncDef<A, R>,
): KfuncDef<A, R> {
  return parseDefinition('kfunc', definition)
}

/** Checks and freezes a map type. Throws DefinitionError with the path to the field. */
export const defineMapType = <const D extends MapTypeDef>(definition: D): D =>
  parseDefinition('mapType', definition)

/** Checks and freezes a program type. Throws DefinitionError with the path to the field. */
export const defineProgramType = <const D extends ProgramTypeDef>(definition: D): D =>
  parseDefinition('programType', definition)

/** Checks a context's shape on its own (program types check theirs). */
export const defineContext = <const C extends ContextDef>(definition: C): C =>
  parseDefinition('context', definition)

/**
 * Checks and freezes an attach point. `attach` gets programs of the types that are named: whoever calls it has asked
 * (`openLink` does). Throws DefinitionError with the path to the field.
 */
export const defineAttachPoint = <Target, L extends Link, const T extends string = string>(
  definition: Omit<AttachPointDef<Target, L>, 'programTypes' | 'attach'> & {
    readonly programTypes: readonly T[]
    readonly attach: (program: ProgramOf<T>, target: Target) => L
  },
): AttachPointDef<Target, L> => parseDefinition('attachPoint', definition)

/** Checks and freezes a loader. Throws DefinitionError with the path to the field. */
export const defineLoader = <const D extends LoaderDef>(definition: D): D =>
  parseDefinition('loader', definition)

/** Checks and freezes an engine. Throws DefinitionError with the path to the field. */
export const defineEngine = <const D extends EngineDef>(definition: D): D =>
  parseDefinition('engine', definition)

/** Checks and freezes a plugin. Throws DefinitionError with the path to the field. */
export const definePlugin = <const D extends PluginDef>(definition: D): D =>
  parseDefinition('plugin', definition)
