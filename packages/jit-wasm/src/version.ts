declare const SKEP_BUILD: string | undefined

/** What the build made of the sources of all packages that the code depends on; absent in the sources themselves. */
export const version: string | undefined = typeof SKEP_BUILD === 'string' ? SKEP_BUILD : undefined
