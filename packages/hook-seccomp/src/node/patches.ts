import { syncBuiltinESMExports } from 'node:module'

type Callable = (this: unknown, ...args: never[]) => unknown

interface Patch {
  readonly object: object
  readonly name: PropertyKey
  readonly before: PropertyDescriptor
  readonly during: PropertyDescriptor
}

/** Properties of Node's objects that are others while a guard is there. They are made once; putting them in and out is cheap. */
export class Patches {
  readonly #list: Patch[] = []
  #applied = false

  /** Puts what `make` makes of a function in its place; nothing where there is none of this name. */
  wrap(object: object, name: PropertyKey, make: (original: Callable) => Callable): void {
    const before = Object.getOwnPropertyDescriptor(object, name)
    if (typeof before?.value !== 'function') return
    const original = before.value as Callable
    this.replace(object, name, dressed(original, make(original)))
  }

  replace(object: object, name: PropertyKey, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(object, name)
    if (before?.configurable !== true && before?.writable !== true) return
    const during = { ...before, value }
    delete during.get
    delete during.set
    this.#list.push({ object, name, before, during })
  }

  apply(): void {
    if (this.#applied) return
    this.#applied = true
    for (const { object, name, during } of this.#list) Object.defineProperty(object, name, during)
    syncBuiltinESMExports()
  }

  /** Puts back what was there; what somebody else has put there since then stays. */
  restore(): void {
    if (!this.#applied) return
    this.#applied = false
    for (const { object, name, before, during } of this.#list)
      if (Object.getOwnPropertyDescriptor(object, name)?.value === during.value)
        Object.defineProperty(object, name, before)
    syncBuiltinESMExports()
  }
}

/** Gives a function the name, the length and the properties of the one whose place it takes. */
function dressed(original: Callable, made: Callable): Callable {
  for (const key of Reflect.ownKeys(original))
    if (key !== 'prototype' || !Object.hasOwn(made, key))
      Object.defineProperty(made, key, Object.getOwnPropertyDescriptor(original, key)!)
  return made
}
