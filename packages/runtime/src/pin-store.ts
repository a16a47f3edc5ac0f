/**
 * Where the contents of pinned maps are kept beyond the process: `createPinFolder` of @skep/runtime/node, or whatever else keeps
 * bytes under a path (names between slashes, without dots). `set` must leave the old bytes whole when it fails or the process
 * dies. A method may throw or reject: that is PinError STORE.
 */
export interface PinStore {
  get(path: string): Uint8Array | undefined | Promise<Uint8Array | undefined>
  set(path: string, bytes: Uint8Array): void | Promise<void>
  /** Fine where there is nothing. */
  delete(path: string): void | Promise<void>
}
