import type { FilterCondition, FilterProgram } from './ir.ts'
import { type ValueId, Values } from './values.ts'

/** What a node does before its test. */
export type Effect =
  | { readonly kind: 'assign'; readonly variable: number; readonly value: ValueId }
  /** Goes on when the test graph from `body` comes to `stop`, and round again when it comes to `again`. */
  | { readonly kind: 'loop'; readonly body: Node; readonly again: Node; readonly stop: Node }
  /** Nothing, but for what rejects the packet: the value may load from outside it. */
  | { readonly kind: 'touch'; readonly value: ValueId }

export type TestOp = 'eq' | 'gt' | 'ge' | 'set'

export interface Test {
  readonly op: TestOp
  readonly left: ValueId
  readonly right: ValueId
}

/** A place of the filter: effects, then a decision. A node whose `whenTrue` is undefined is an end. */
export interface Node {
  readonly id: number
  effects: readonly Effect[]
  /** Undefined: always goes to `whenTrue`, which is `whenFalse` then. */
  test: Test | undefined
  whenTrue: Node | undefined
  whenFalse: Node | undefined
}

/** A filter as a graph of decisions without circles: circles are inside of `loop` effects. */
export interface FilterGraph {
  readonly values: Values
  root: Node
  readonly accept: Node
  readonly reject: Node
  readonly variables: number
  readonly snaplen: number
  /** Makes a node with a number of its own. */
  node(test: Test | undefined, whenTrue: Node | undefined, whenFalse: Node | undefined): Node
}

/** Makes the graph of a program: conditions from left to right, as far as is needed. */
export function buildGraph(program: FilterProgram): FilterGraph {
  const builder = new Builder()
  const accept = builder.node(undefined, undefined, undefined)
  const reject = builder.node(undefined, undefined, undefined)
  const root = builder.build(program.condition, accept, reject)
  const { values } = builder
  const { variables, snaplen } = program
  return { values, root, accept, reject, variables, snaplen, node: (...parts) => builder.node(...parts) }
}

class Builder {
  readonly values = new Values()
  #nodes = 0

  node(test: Test | undefined, whenTrue: Node | undefined, whenFalse: Node | undefined): Node {
    return { id: this.#nodes++, effects: [], test, whenTrue, whenFalse }
  }

  #pass(effect: Effect, to: Node): Node {
    const node = this.node(undefined, to, to)
    node.effects = [effect]
    return node
  }

  build(condition: FilterCondition, whenTrue: Node, whenFalse: Node): Node {
    switch (condition.op) {
      case 'true':
        return whenTrue
      case 'false':
        return whenFalse
      case 'not':
        return this.build(condition.condition, whenFalse, whenTrue)
      case 'all': {
        let next = whenTrue
        for (const one of condition.conditions.toReversed())
          next = this.#before(one, next, whenTrue, whenFalse)
        return next
      }
      case 'any':
        return condition.conditions.reduceRight((next, one) => this.build(one, whenTrue, next), whenFalse)
      case 'assign': {
        const { variable, value } = condition
        return this.#pass({ kind: 'assign', variable, value: this.values.read(value) }, whenTrue)
      }
      case 'loop': {
        const again = this.node(undefined, undefined, undefined)
        const stop = this.node(undefined, undefined, undefined)
        const body = this.build(condition.body, again, stop)
        return this.#pass({ kind: 'loop', body, again, stop }, whenTrue)
      }
      default: {
        const [left, right] = [this.values.read(condition.left), this.values.read(condition.right)]
        return this.node({ op: condition.op, left, right }, whenTrue, whenFalse)
      }
    }
  }

  /** An effect is part of the node that follows it, where nothing else leads there. */
  #before(condition: FilterCondition, next: Node, outer: Node, whenFalse: Node): Node {
    const built = this.build(condition, next, whenFalse)
    const joins =
      (condition.op === 'assign' || condition.op === 'loop') && next !== outer && next !== whenFalse
    if (!joins || next.whenTrue === undefined) return built
    next.effects = [...built.effects, ...next.effects]
    return next
  }
}

/** The nodes that can be come to, each before those that follow it. */
export function inOrder(root: Node): Node[] {
  const order: Node[] = []
  // A stack of its own: filters of thousands of addresses are as deep as they are long.
  const stack: Node[] = [root]
  const steps: number[] = [0]
  const seen: boolean[] = []
  const see = ({ id }: Node): boolean => {
    while (seen.length <= id) seen.push(false)
    const first = !seen[id]
    seen[id] = true
    return first
  }
  see(root)
  while (stack.length > 0) {
    const node = stack.at(-1)!
    const step = steps[steps.length - 1]!++
    if (step === 2) {
      order.push(node)
      stack.pop()
      steps.pop()
      continue
    }
    // What follows a failed test first: it ends up farthest from it, as in libpcap's code.
    const next = step === 0 ? node.whenFalse : node.whenTrue
    if (next === undefined || !see(next)) continue
    stack.push(next)
    steps.push(0)
  }
  return order.reverse()
}

/** The variables that a loop's body assigns. */
export function assignedIn(body: Node): Set<number> {
  const found = new Set<number>()
  for (const node of inOrder(body)) {
    for (const effect of node.effects) {
      if (effect.kind === 'assign') found.add(effect.variable)
      else if (effect.kind === 'loop') for (const one of assignedIn(effect.body)) found.add(one)
    }
  }
  return found
}

/** Some node has a loop. */
export const hasLoop = (root: Node): boolean =>
  inOrder(root).some(({ effects }) => effects.some(({ kind }) => kind === 'loop'))
