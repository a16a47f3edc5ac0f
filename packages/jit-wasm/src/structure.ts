import { analyse, type FlowGraph } from './graph.ts'

/**
 * One step of structured control flow, in WebAssembly's terms. Labels are numbers: a block that ends where node n begins has
 * label n, a loop that begins with node n has label ~n.
 */
export type Step =
  | { readonly op: 'block' | 'loop'; readonly label: number }
  | { readonly op: 'end' }
  /** The node's own instructions, without its jump. */
  | { readonly op: 'code'; readonly node: number }
  /** Entered when the node's condition is `when`; what it holds never runs out of its end. */
  | { readonly op: 'if'; readonly node: number; readonly when: boolean }
  | { readonly op: 'br'; readonly label: number }
  | { readonly op: 'br_if'; readonly node: number; readonly when: boolean; readonly label: number }
  | { readonly op: 'switch'; readonly node: number; readonly labels: readonly number[] }

/**
 * Turns a reducible graph into blocks, loops and branches: Norman Ramsey, "Beyond Relooper: Recursive Translation of
 * Unstructured Control Flow to Structured Control Flow" (ICFP 2022), with a stack of tasks for its recursion. A node is
 * placed inside the node that dominates it; one with several forward edges into it comes after a block that those edges
 * leave.
 */
export function structure(graph: FlowGraph): Step[] {
  const { order, place, preds, idom } = analyse(graph)
  const isMerge = new Uint8Array(graph.succs.length)
  const isLoop = new Uint8Array(graph.succs.length)
  /** Nodes that this one dominates directly and that need a block of their own, in the order of their places. */
  const merges: number[][] = graph.succs.map(() => [])
  /** Nodes in the dominator subtree, for keeping the larger part of the code at the outer level. */
  const size = new Int32Array(graph.succs.length).fill(1)
  for (const node of order) {
    let forward = 0
    for (const pred of preds[node]!) {
      if (place[pred]! >= place[node]!) isLoop[node] = 1
      else if (graph.switches?.has(pred)) forward = 2
      else forward++
    }
    if (forward > 1) {
      isMerge[node] = 1
      merges[idom[node]!]!.push(node)
    }
  }
  for (let n = order.length - 1; n > 0; n--) size[idom[order[n]!]!]! += size[order[n]!]!

  const steps: Step[] = []
  type Task = { readonly enter: number } | { readonly leave: number } | Step
  const tasks: Task[] = [{ enter: graph.entry }]

  const labelOf = (from: number, to: number): number | undefined =>
    place[to]! <= place[from]! ? ~to : isMerge[to] ? to : undefined

  const go = (from: number, to: number): void => {
    const label = labelOf(from, to)
    tasks.push(label === undefined ? { enter: to } : { op: 'br', label })
  }

  /** The node's branch, after its code. What is pushed last comes first. */
  const leave = (node: number): void => {
    const succs = graph.succs[node]!
    if (graph.switches?.has(node)) {
      steps.push({ op: 'switch', node, labels: succs.map((succ) => labelOf(node, succ)!) })
      return
    }
    const [taken, other] = succs
    if (taken === undefined) return
    if (other === undefined || other === taken) {
      go(node, taken)
      return
    }
    const takenLabel = labelOf(node, taken)
    const otherLabel = labelOf(node, other)
    if (takenLabel !== undefined) {
      steps.push({ op: 'br_if', node, when: true, label: takenLabel })
      go(node, other)
    } else if (otherLabel !== undefined) {
      steps.push({ op: 'br_if', node, when: false, label: otherLabel })
      go(node, taken)
    } else {
      const when = size[taken]! <= size[other]!
      tasks.push({ enter: when ? other : taken }, { op: 'end' }, { enter: when ? taken : other })
      steps.push({ op: 'if', node, when })
    }
  }

  for (let task = tasks.pop(); task; task = tasks.pop()) {
    if ('op' in task) {
      steps.push(task)
    } else if ('enter' in task) {
      const node = task.enter
      if (isLoop[node]) {
        steps.push({ op: 'loop', label: ~node })
        tasks.push({ op: 'end' })
      }
      const children = merges[node]!
      for (let n = children.length - 1; n >= 0; n--) {
        steps.push({ op: 'block', label: children[n]! })
        tasks.push({ enter: children[n]! }, { op: 'end' })
      }
      tasks.push({ leave: node })
      steps.push({ op: 'code', node })
    } else {
      leave(task.leave)
    }
  }
  return withoutIdleBranches(steps)
}

/** Leaves out branches to where control goes anyway: those followed by nothing but ends, up to the end of their block. */
function withoutIdleBranches(steps: readonly Step[]): Step[] {
  const open: (number | undefined)[] = []
  const endOf = new Map<number, number>()
  steps.forEach((step, at) => {
    if (step.op === 'block' || step.op === 'loop') open.push(step.label)
    else if (step.op === 'if') open.push(undefined)
    else if (step.op === 'end') {
      const label = open.pop()
      if (label !== undefined) endOf.set(label, at)
    }
  })
  return steps.filter((step, at) => {
    if (step.op !== 'br' || step.label < 0) return true
    for (let next = at + 1; steps[next]?.op === 'end'; next++) {
      if (next === endOf.get(step.label)) return false
    }
    return true
  })
}
