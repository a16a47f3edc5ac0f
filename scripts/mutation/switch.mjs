// The variable that says which mutant is active, and the notes of what was reached.

import { Script } from 'node:vm'

/** 0: none. What runs only while the modules load takes its mutant from a global. */
export let active = globalThis.__mutantAtLoad ?? 0
let hits = 0
let limit = 1e6

export function activate(id, hitLimit) {
  active = id
  hits = 0
  limit = hitLimit
  for (const instance of instances) instance.exports.mutant.value = id
}

/** Called by the active mutant's switch: what loops without end throws at last. */
export function hit() {
  if (++hits > limit) throw new Error('mutant: too many hits')
  return true
}

/** Runs `body`, and throws after `ms` milliseconds: V8 ends what loops without end, WebAssembly too. */
export function limited(body, ms) {
  globalThis.__mutationBody = body
  return script.runInThisContext({ timeout: ms })
}
const script = new Script('globalThis.__mutationBody()')

export const counts = new Int32Array(1 << 16)
export const touched = []

export function cover(...ids) {
  for (const id of ids) if (counts[id]++ === 0) touched.push(id)
}

export const instances = []
const { Instance } = WebAssembly
// The scalar domain is made inside the verifier: its switch is reached by way of the constructor.
WebAssembly.Instance = class extends Instance {
  constructor(module, imports) {
    super(module, { ...imports, env: { ...imports?.env, cover } })
    if (this.exports.mutant) {
      this.exports.mutant.value = active
      instances.push(this)
    }
  }
}
