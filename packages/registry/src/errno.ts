import * as values from './layout/errno.ts'

export type ErrnoName = keyof typeof values

/** Linux errno numbers by name. */
export const ERRNO: Readonly<Record<ErrnoName, number>> = Object.freeze({ ...values })

const names = new Map<number, ErrnoName>(Object.entries(values).map(([name, n]) => [n, name as ErrnoName]))

/** The name of an errno (positive or negative), or undefined when it is none that BPF uses. */
export const errnoName = (errno: number): ErrnoName | undefined => names.get(Math.abs(errno))
