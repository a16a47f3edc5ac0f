import type { Node } from './graph.ts'

/** Something for each node of a graph: a map that costs less for graphs of many thousands. */
export class ByNode<T> {
  readonly #of: (T | undefined)[]

  /** `nodes`: all that something is kept for. */
  constructor(nodes: readonly Node[]) {
    const most = nodes.reduce((id, node) => Math.max(id, node.id), -1)
    this.#of = Array.from({ length: most + 1 }, () => undefined)
  }

  get(node: Node): T | undefined {
    return this.#of[node.id]
  }

  has(node: Node): boolean {
    return this.#of[node.id] !== undefined
  }

  set(node: Node, value: T): void {
    this.#of[node.id] = value
  }
}
