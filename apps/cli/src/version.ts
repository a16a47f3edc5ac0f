import manifest from '../package.json' with { type: 'json' }

/** The command line's own version. */
export const version: string = manifest.version
