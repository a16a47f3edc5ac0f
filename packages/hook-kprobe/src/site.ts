import { KprobeAttachError } from './errors.ts'
import { describeTarget, ownerOf } from './target.ts'

type Fn = (this: unknown, ...args: unknown[]) => unknown
export type Accessor = 'get' | 'set'

/** What the entry of a probe says of the rest of the call, and keeps for its return. */
export interface Entered {
  /** Present: the function is not called, and this is what comes of it. May throw for it. */
  readonly override?: () => unknown
}

/** A probe on a function. Neither of its methods throws. */
export interface Probe {
  /** Before the function; undefined when there is nothing more to do. */
  enter?(receiver: unknown, args: readonly unknown[]): Entered | undefined
  /** After it, with what it returned or threw. */
  leave?(value: unknown, threw: boolean, entered: Entered): void
  /** `leave` of a promise comes when that is settled. */
  readonly settlement?: boolean
}

/** What a probe without an entry has entered with. */
export const ENTERED: Entered = Object.freeze({})

const sites = new WeakMap<object, Map<string, Site>>()
const keyOf = (name: PropertyKey, accessor: Accessor | undefined): string =>
  `${typeof name} ${String(name)} ${accessor ?? ''}`
const symbolKeys = new WeakMap<object, Map<symbol, Map<string, Site>>>()

/** The table that a property's site is in; symbols of the same description are different properties. */
function tableOf(target: object, name: PropertyKey): Map<string, Site> {
  const fresh = (): Map<string, Site> => new Map()
  if (typeof name !== 'symbol') return entry(sites, target, fresh)
  return entry(
    entry(symbolKeys, target, () => new Map<symbol, Map<string, Site>>()),
    name,
    fresh,
  )
}

function entry<K, V>(
  map: { get(key: K): V | undefined; set(key: K, value: V): unknown },
  key: K,
  make: () => V,
): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

/** Adds a probe to a function; returns what takes it away again. Throws KprobeAttachError. */
export function probeFunction(
  target: object,
  name: PropertyKey,
  accessor: Accessor | undefined,
  probe: (original: Fn) => Probe,
): () => void {
  const table = tableOf(target, name)
  const key = keyOf(name, accessor)
  let site = table.get(key)
  // What somebody else has put in its place since is another function.
  if (!site?.current()) {
    const fresh = new Site(target, name, accessor, () => {
      if (table.get(key) === fresh) table.delete(key)
    })
    table.set(key, (site = fresh))
  }
  const here = site
  const added = probe(here.original)
  here.add(added)
  return () => here.remove(added)
}

/** A function that is probed: what stands in its place as long as it is. */
class Site {
  readonly original: Fn
  readonly #target: object
  readonly #name: PropertyKey
  readonly #accessor: Accessor | undefined
  readonly #descriptor: PropertyDescriptor
  readonly #own: boolean
  readonly #wrapper: Fn
  readonly #gone: () => void
  /** Replaced, never changed: calls under way keep theirs. */
  #probes: readonly Probe[] = []
  #before: readonly Probe[] = []
  /** Some probe wants more than the call. */
  #around = false
  #installed = false

  constructor(target: object, name: PropertyKey, accessor: Accessor | undefined, gone: () => void) {
    const { owner, descriptor } = ownerOf(target, name, accessor)
    this.#target = target
    this.#name = name
    this.#accessor = accessor
    this.#descriptor = descriptor
    this.#own = owner === target
    this.#gone = gone
    this.original = descriptor[accessor ?? 'value']
    const own = Object.getOwnPropertyDescriptor(target, name)
    if (own && !own.configurable && (accessor || !own.writable)) throw notConfigurable(target, name)
    if (!own && !Object.isExtensible(target)) throw notConfigurable(target, name)
    this.#wrapper = this.#wrap()
  }

  /** Whether the property still leads here. */
  current(): boolean {
    return (
      Object.getOwnPropertyDescriptor(this.#target, this.#name)?.[this.#accessor ?? 'value'] === this.#wrapper
    )
  }

  add(probe: Probe): void {
    this.#set([...this.#probes, probe])
    if (this.#installed) return
    const made = { ...this.#descriptor, [this.#accessor ?? 'value']: this.#wrapper }
    try {
      Object.defineProperty(this.#target, this.#name, made)
    } catch {
      throw notConfigurable(this.#target, this.#name)
    }
    this.#installed = true
  }

  remove(probe: Probe): void {
    this.#set(this.#probes.filter((one) => one !== probe))
    if (this.#probes.length > 0 || !this.#installed) return
    this.#installed = false
    this.#gone()
    // Whoever wrapped the wrapper keeps it: from now on it only calls the function.
    if (!this.current()) return
    if (this.#own) Object.defineProperty(this.#target, this.#name, this.#descriptor)
    else Reflect.deleteProperty(this.#target, this.#name)
  }

  #set(probes: readonly Probe[]): void {
    this.#probes = probes
    this.#before = probes.filter((one) => one.enter)
    this.#around = probes.some((one) => one.leave)
  }

  #wrap(): Fn {
    const site = this
    const { original } = this
    if (needsProxy(original)) {
      return new Proxy(original, {
        apply: (_, receiver, args) => site.skepProbeCall(receiver, args, undefined),
        construct: (_, args, newTarget) =>
          site.skepProbeCall(undefined, args, newTarget === site.#wrapper ? original : newTarget) as object,
      })
    }
    // A method is no constructor, as what it stands for is none.
    const { wrapper } = {
      wrapper(this: unknown, ...args: unknown[]): unknown {
        return site.skepProbeCall(this, args, undefined)
      },
    }
    for (const key of ['name', 'length'])
      Object.defineProperty(wrapper, key, Object.getOwnPropertyDescriptor(original, key) ?? { value: '' })
    return Object.setPrototypeOf(wrapper, Object.getPrototypeOf(original)) as Fn
  }

  /** The name tells stack traces what is ours: it, and the frame that called it. */
  skepProbeCall(receiver: unknown, args: unknown[], newTarget: object | undefined): unknown {
    if (this.#around) return this.skepProbeAround(receiver, args, newTarget)
    const before = this.#before
    for (let n = 0; n < before.length; n++) {
      const entered = before[n]!.enter!(receiver, args)
      if (entered?.override) return entered.override()
    }
    return newTarget === undefined
      ? Reflect.apply(this.original, receiver, args)
      : Reflect.construct(this.original, args, newTarget as NewableFunction)
  }

  skepProbeAround(receiver: unknown, args: unknown[], newTarget: object | undefined): unknown {
    const probes = this.#probes
    const left: Leaving[] = []
    let override: (() => unknown) | undefined
    for (const probe of probes) {
      const entered = probe.enter ? probe.enter(receiver, args) : ENTERED
      if (entered && probe.leave) left.push({ probe, entered })
      if (entered?.override) {
        override = entered.override
        break
      }
    }
    let value: unknown
    try {
      value = override
        ? override()
        : newTarget === undefined
          ? Reflect.apply(this.original, receiver, args)
          : Reflect.construct(this.original, args, newTarget as NewableFunction)
    } catch (error) {
      leave(left, error, true)
      throw error
    }
    if (!(value instanceof Promise) || !left.some(({ probe }) => probe.settlement)) {
      leave(left, value, false)
      return value
    }
    leave(
      left.filter(({ probe }) => !probe.settlement),
      value,
      false,
    )
    return settled(
      value,
      left.filter(({ probe }) => probe.settlement),
    )
  }
}

interface Leaving {
  readonly probe: Probe
  readonly entered: Entered
}

/** The last one to enter leaves first. */
function leave(left: readonly Leaving[], value: unknown, threw: boolean): void {
  for (let n = left.length; n-- > 0; ) left[n]!.probe.leave!(value, threw, left[n]!.entered)
}

/**
 * A promise of its own: a second branch on the function's would make its rejection look handled, or raise one that nobody can
 * handle.
 */
const settled = (promise: Promise<unknown>, left: readonly Leaving[]): Promise<unknown> =>
  promise.then(
    (value) => {
      leave(left, value, false)
      return value
    },
    (error) => {
      leave(left, error, true)
      throw error
    },
  )

/** Constructors and functions with properties of their own must stay what they are; a proxy costs more for each call. */
function needsProxy(fn: Fn): boolean {
  if (Reflect.ownKeys(fn).some((key) => key !== 'name' && key !== 'length')) return true
  try {
    Reflect.construct(Object, [], fn)
    return true
  } catch {
    return false
  }
}

const notConfigurable = (target: object, name: PropertyKey): KprobeAttachError =>
  new KprobeAttachError(
    'NOT_CONFIGURABLE',
    `${describeTarget(target)}.${String(name)} cannot be replaced (frozen, or a module's namespace); probe an object that holds it: a class's prototype, or the module's default export`,
  )
