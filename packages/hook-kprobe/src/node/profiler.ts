import { Session } from 'node:inspector'
import { frameAddress } from '../stacks.ts'

interface ProfileNode {
  readonly id: number
  readonly callFrame: {
    readonly functionName: string
    readonly url: string
    readonly lineNumber: number
    readonly columnNumber: number
  }
  readonly children?: readonly number[]
}

interface Profile {
  readonly nodes: readonly ProfileNode[]
  readonly samples?: readonly number[]
}

/** What V8 calls the time in which nothing runs, and the stack's outer end. */
const IDLE = '(idle)'
const ROOT = '(root)'

/** V8's sampling profiler, read in windows. */
export class Profiler {
  readonly #session = new Session()
  readonly #idle: boolean

  /** `interval`: microseconds between two samples. */
  constructor(interval: number, idle: boolean) {
    this.#idle = idle
    this.#session.connect()
    this.#post('Profiler.enable')
    this.#post('Profiler.setSamplingInterval', { interval })
    this.#post('Profiler.start')
  }

  /** Stacks of the samples since the last call, the innermost frame first; the same array for the same place. */
  read(more: boolean): readonly (readonly bigint[])[] {
    const { profile } = this.#post('Profiler.stop') as { readonly profile: Profile }
    if (more) this.#post('Profiler.start')
    const stacks = stacksOf(profile, this.#idle)
    return (profile.samples ?? []).flatMap((id) => {
      const stack = stacks.get(id)
      return stack ? [stack] : []
    })
  }

  close(): void {
    this.#session.disconnect()
  }

  /** On one's own thread the answer is there when `post` returns. */
  #post(method: string, params: object = {}): unknown {
    let answer: unknown
    let failure: Error | null = null
    this.#session.post(method, params, (error, result) => {
      failure = error
      answer = result
    })
    if (failure) throw failure
    return answer
  }
}

function stacksOf({ nodes }: Profile, idle: boolean): ReadonlyMap<number, readonly bigint[]> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const stacks = new Map<number, readonly bigint[]>()
  const todo: { readonly node: ProfileNode; readonly outer: readonly bigint[] }[] = []
  if (nodes[0]) todo.push({ node: nodes[0], outer: [] })
  for (let one = todo.pop(); one; one = todo.pop()) {
    const { functionName, url, lineNumber, columnNumber } = one.node.callFrame
    const root = functionName === ROOT
    const frame = {
      name: functionName || '(anonymous)',
      file: url,
      line: lineNumber + 1,
      column: columnNumber + 1,
    }
    const stack = root ? one.outer : [frameAddress(frame), ...one.outer]
    if (!root && (idle || functionName !== IDLE)) stacks.set(one.node.id, stack)
    for (const child of one.node.children ?? []) todo.push({ node: byId.get(child)!, outer: stack })
  }
  return stacks
}
