export type BtfTools = typeof import('./btf-tools.ts')

let loaded: BtfTools | undefined

/** Loads what reads BTF: not all collections have some. */
export async function loadBtf(): Promise<void> {
  loaded ??= await import('./btf-tools.ts')
}

/** For entries that have it at hand. */
export function provideBtf(tools: BtfTools): void {
  loaded ??= tools
}

/** What `loadBtf` has loaded. */
export const btfTools = (): BtfTools => loaded!
