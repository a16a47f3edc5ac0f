/** What bin/start.cjs lends to the file that it runs; in the sources there is no such file. */
interface Starter {
  /** `import()`, which code out of V8's cache does not have. */
  readonly importModule?: typeof importModule
  /** Where things may be kept from run to run. */
  readonly cacheFolder?: string
}

declare const module: Starter | undefined

const starter: Starter = typeof module === 'undefined' ? {} : module

/** `import()`. */
export function importModule(url: string): Promise<Record<string, unknown>> {
  return starter.importModule ? starter.importModule(url) : import(url)
}

/** Where things may be kept from run to run; undefined where nothing is to be kept. */
export const cacheFolder: string | undefined = starter.cacheFolder
