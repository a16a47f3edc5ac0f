import type { Env } from './env.ts'
import { LOG_LEVEL2 } from './log.ts'
import { markAllScalarsPrecise, propagatePrecision } from './precision.ts'
import { frameInsn, type State } from './state.ts'
import { successors } from './successors.ts'

const NOT_ON_STACK = 0xffffffff

/**
 * Numbers the strongly connected components of the control flow: `env.scc` is 0 for an instruction that is in no loop.
 * Tarjan's algorithm without recursion (compute_scc).
 */
export function computeScc(env: Env): void {
  const { program: p } = env
  const n = p.length
  const pre = new Uint32Array(n)
  const low = new Uint32Array(n)
  const stack = new Int32Array(n)
  const path = new Int32Array(n + 1)
  const next = new Int32Array(2)
  let preorder = 1
  let id = 1
  for (let root = 0; root < n; root++) {
    if (pre[root]) continue
    let stackSize = 0
    let depth = 0
    path[depth++] = root
    visit: while (depth > 0) {
      const w = path[depth - 1]!
      if (pre[w] === 0) {
        low[w] = preorder
        pre[w] = preorder++
        stack[stackSize++] = w
      }
      const count = successors(p, w, next)
      for (let j = 0; j < count; j++) {
        const to = next[j]!
        if (to >= n) continue
        if (pre[to]) low[w] = Math.min(low[w]!, low[to]!)
        else {
          path[depth++] = to
          continue visit
        }
      }
      depth--
      if (low[w]! < pre[w]!) continue
      let loop = stack[stackSize - 1] !== w
      for (let j = 0; j < count; j++) loop ||= next[j] === w
      let t: number
      do {
        t = stack[--stackSize]!
        low[t] = NOT_ON_STACK
        if (loop) env.scc[t] = id
      } while (t !== w)
      if (loop) id++
    }
  }
  env.loopCount = id
  // A call that runs a callback is a loop of its own, although no jump says so. Kernels that know it came after 6.18,
  // whose logs do not tell of these.
  for (let insn = 0; insn < n; insn++) {
    if (env.callsCallback[insn] && !env.scc[insn]) env.scc[insn] = id++
  }
  env.sccVisits = Array.from({ length: id }, () => [])
}

/** One stay in a loop: by which calls it was reached, and the paths that came back to its states (bpf_scc_visit). */
export interface SccVisit {
  readonly callsites: readonly number[]
  entry: State | undefined
  backedges: State[]
}

/** The outermost loop that a state is in, and the calls that lead there. */
const chain = { scc: 0, callsites: [] as number[] }

function computeChain(env: Env, state: State): boolean {
  chain.scc = 0
  chain.callsites.length = 0
  for (let f = 0; f <= state.curframe; f++) {
    const insn = frameInsn(state, f)
    const scc = env.scc[insn]!
    if (scc) {
      chain.scc = scc
      return true
    }
    chain.callsites.push(insn)
  }
  return false
}

function lookup(env: Env): SccVisit | undefined {
  for (const visit of env.sccVisits[chain.scc]!) {
    if (visit.callsites.length !== chain.callsites.length) continue
    if (visit.callsites.every((callsite, i) => callsite === chain.callsites[i])) return visit
  }
  return undefined
}

/** The kernel knows of loops by jumps only. */
const isCounted = (env: Env): boolean => chain.scc < env.loopCount

const isLogged = (env: Env): boolean => (env.log.level & LOG_LEVEL2) !== 0 && isCounted(env)

/** As the kernel prints it, which takes a call at instruction 0 for the end of the calls. */
function chainText(): string {
  const end = chain.callsites.indexOf(0)
  return `(${[...(end < 0 ? chain.callsites : chain.callsites.slice(0, end)), chain.scc].join(',')})`
}

/** maybe_enter_scc: a new checkpoint may be the first of a stay in a loop. */
export function maybeEnterScc(env: Env, state: State): void {
  if (!computeChain(env, state)) return
  let visit = lookup(env)
  if (!visit) {
    visit = { callsites: chain.callsites.slice(), entry: undefined, backedges: [] }
    env.sccVisits[chain.scc]!.push(visit)
  }
  if (visit.entry) return
  visit.entry = state
  if (isLogged(env)) env.log.print(`SCC enter ${chainText()}\n`)
}

/** maybe_exit_scc: when all that began at the entry of a loop is explored, marks go round its back edges. */
export function maybeExitScc(env: Env, state: State): void {
  if (!computeChain(env, state)) return
  const visit = lookup(env)
  if (!visit || visit.entry !== state) return
  if (isLogged(env)) env.log.print(`SCC exit ${chainText()}\n`)
  visit.entry = undefined
  if (isCounted(env)) env.backedgeCount -= visit.backedges.length
  env.updatePeakStates()
  propagateBackedges(env, visit)
}

/** Remembers that `backedge` came back to `state`; false when that stay in the loop is not known. */
export function addBackedge(env: Env, state: State, backedge: State): boolean {
  if (!computeChain(env, state)) return false
  const visit = lookup(env)
  if (!visit) return false
  if (isLogged(env)) env.log.print(`SCC backedge ${chainText()}\n`)
  visit.backedges.unshift(backedge)
  if (isCounted(env)) env.backedgeCount++
  env.updatePeakStates()
  return true
}

/** Are there paths back to states of this loop whose marks have not come round yet? */
export function incompleteReadMarks(env: Env, state: State): boolean {
  if (!computeChain(env, state)) return false
  const visit = lookup(env)
  return visit !== undefined && visit.backedges.length > 0
}

const MAX_BACKEDGE_ITERATIONS = 64

function propagateBackedges(env: Env, visit: SccVisit): void {
  let changed: boolean
  let iterations = 0
  const { position } = env.log
  const counted = isCounted(env)
  do {
    if (iterations++ > MAX_BACKEDGE_ITERATIONS) {
      if (env.log.level & LOG_LEVEL2) env.log.print('propagate_backedges: too many iterations\n')
      for (const backedge of visit.backedges) markAllScalarsPrecise(env, backedge)
      break
    }
    changed = false
    for (const backedge of visit.backedges) {
      changed = propagatePrecision(env, backedge.equalState!, backedge) || changed
    }
  } while (changed)
  if (!counted) env.log.takeBack(position)
  for (const backedge of visit.backedges) env.pool.release(backedge)
  visit.backedges.length = 0
}
