/** What is used of d3-hierarchy, which has no types of its own. */
declare module 'd3-hierarchy' {
  export interface HierarchyNode<T> {
    readonly data: T
    readonly depth: number
    readonly height: number
    /** Of the node and all below it, after `sum`. */
    readonly value?: number
    sum(value: (data: T) => number): this
    sort(compare: (a: this, b: this) => number): this
    descendants(): this[]
  }
  export interface HierarchyRectangularNode<T> extends HierarchyNode<T> {
    readonly x0: number
    readonly x1: number
  }
  interface PartitionLayout<T> {
    (root: HierarchyNode<T>): HierarchyRectangularNode<T>
    size(size: readonly [number, number]): this
  }
  export function hierarchy<T>(data: T, children: (data: T) => readonly T[]): HierarchyNode<T>
  export function partition<T>(): PartitionLayout<T>
}
