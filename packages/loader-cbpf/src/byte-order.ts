import { A, type Step } from './flow.ts'
import { packetLoad } from './packet-loads.ts'

/** Which instructions work on A as it lies in the packet, in network byte order: by index, the bytes of the value, or 0. */
export type RawValues = Uint8Array

/**
 * Finds packet loads whose value is only ever compared for equality or bits with constants: there the constants can be
 * swapped while translating, instead of the value while running. Loads that reach a common use are treated alike.
 */
export function findRawValues(steps: readonly Step[]): RawValues {
  const webs = new Webs(steps.length + 1)
  // The web of A at the start of each instruction; 0 is A at the start of the program.
  const at = new Int32Array(steps.length).fill(-1)
  at[0] = 0
  webs.refuse(0)
  for (const step of steps) {
    if (!step.reachable) continue
    let web = at[step.index]!
    if ((step.reads & A) !== 0 && !comparesWithConstant(step)) webs.refuse(web)
    if ((step.writes & A) !== 0) {
      web = step.index + 1
      const size = packetLoadSize(step)
      if (size > 1) webs.setSize(web, size)
      else webs.refuse(web)
    }
    for (const to of step.next) {
      if ((steps[to]!.live & A) === 0) continue
      if (at[to]! < 0) at[to] = web
      else webs.join(at[to]!, web)
    }
  }
  return Uint8Array.from(steps, (step) => {
    if (!step.reachable) return 0
    if (packetLoadSize(step) > 1) return webs.size(step.index + 1)
    return comparesWithConstant(step) ? webs.size(at[step.index]!) : 0
  })
}

function comparesWithConstant({ def }: Step): boolean {
  return def.kind === 'jump' && def.source === 'k' && (def.jumpOp === 'eq' || def.jumpOp === 'set')
}

function packetLoadSize(step: Step): number {
  const load = packetLoad(step)
  return load === undefined || load.mode === 'msh' ? 0 : load.size
}

/** The constant that a comparison needs when the value is in network byte order. */
export function swapConstant(k: number, size: number): number {
  // Past 16 bits the value has none, so that there the constant only has to stay different.
  if (size === 2) return ((k & 0xffff_0000) | ((k & 0xff) << 8) | ((k >>> 8) & 0xff)) >>> 0
  return (((k & 0xff) << 24) | ((k & 0xff00) << 8) | ((k >>> 8) & 0xff00) | (k >>> 24)) >>> 0
}

/** Sets of definitions of A that reach common uses. */
class Webs {
  readonly #parent: Int32Array
  /** Bytes of the value; 0 before any is known; -1 refused. */
  readonly #size: Int8Array

  constructor(count: number) {
    this.#parent = Int32Array.from({ length: count }, (_, index) => index)
    this.#size = new Int8Array(count)
  }

  #find(web: number): number {
    let root = web
    while (this.#parent[root] !== root) {
      this.#parent[root] = this.#parent[this.#parent[root]!]!
      root = this.#parent[root]!
    }
    return root
  }

  refuse(web: number): void {
    this.#size[this.#find(web)] = -1
  }

  setSize(web: number, size: number): void {
    const root = this.#find(web)
    const known = this.#size[root]!
    this.#size[root] = known === 0 || known === size ? size : -1
  }

  join(a: number, b: number): void {
    const [left, right] = [this.#find(a), this.#find(b)]
    if (left === right) return
    const [l, r] = [this.#size[left]!, this.#size[right]!]
    this.#parent[right] = left
    this.#size[left] = l === 0 ? r : r === 0 || l === r ? l : -1
  }

  size(web: number): number {
    return Math.max(0, this.#size[this.#find(web)]!)
  }
}
