/**
 * The whole contract, with define* functions that freeze and do not check: for the published code of packages whose tests
 * check their definitions, since those cannot become wrong afterwards. Their sources import `@skep/registry`, their build
 * puts this entry in its place. It takes no zod along.
 */
import type * as checked from './define.ts'

export * from './contract.ts'

const taken = <T>(definition: T): T => Object.freeze(definition)

export const defineHelper: typeof checked.defineHelper = taken
export const defineKfunc: typeof checked.defineKfunc = taken
export const defineMapType: typeof checked.defineMapType = taken
export const defineProgramType: typeof checked.defineProgramType = taken
export const defineContext: typeof checked.defineContext = taken
export const defineAttachPoint: typeof checked.defineAttachPoint = (definition) => taken(definition)
export const defineLoader: typeof checked.defineLoader = taken
export const defineEngine: typeof checked.defineEngine = taken
export const definePlugin: typeof checked.definePlugin = taken
