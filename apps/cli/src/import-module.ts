declare const module: { readonly importModule?: typeof importModule } | undefined

/** `import()`. Code out of V8's cache has none of its own: bin/start.cjs lends it one. */
export function importModule(url: string): Promise<Record<string, unknown>> {
  const lent = typeof module === 'undefined' ? undefined : module.importModule
  return lent ? lent(url) : import(url)
}
