/** A function of libc. What it takes was said when it was bound. */
export type Call = (...args: unknown[]) => number

/** A function that may be called on a thread of Node's pool too. */
export type Later = Call & {
  readonly async: (...args: [...unknown[], (error: unknown, result: number) => void]) => void
}

/** What is used of koffi: spelled out, so that declarations do not need an optional package. */
export interface Koffi {
  load(path: null): { func(name: string, result: string, args: string[]): Later }
  errno(): number
  address(bytes: Uint8Array): bigint
  view(address: number, bytes: number): ArrayBuffer
}
