export declare const add: (a: number, b: number) => number
export declare const pid: () => number
export declare const environment: () => string[]
export declare const fail: () => never
export declare const forever: () => Promise<never>
export declare const spin: () => never
export declare const leave: () => never
export declare const kill: () => boolean
export declare const allocate: () => never
export declare const make: (path: string) => void
export declare const status: () => string
export declare const shell: () => string
export declare const uncloneable: () => () => void
export declare const everywhere: (path: string) => Promise<{ main: string; pool: string[]; worker: string }>
