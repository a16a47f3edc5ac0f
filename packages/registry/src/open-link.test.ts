import { expect, it } from 'vitest'
import type { ProgramHandle } from './handles.ts'
import { AttachError, openLink } from './open-link.ts'

/** A program as a host sees it, of a collection that may be closed. */
function program(type: string): {
  handle: ProgramHandle
  events: string[]
  close(): void
  open: () => number
} {
  const events: string[] = []
  const closing = new Set<() => void>()
  let closed = false
  const host = {
    emit: (event: string) => void events.push(event),
    onClose(close: () => void) {
      if (closed) throw new Error('the collection is closed')
      closing.add(close)
      return () => void closing.delete(close)
    },
  }
  return {
    handle: { name: 'p', type, host, run: () => 0 } as unknown as ProgramHandle,
    events,
    open: () => closing.size,
    close: () => {
      closed = true
      for (const close of [...closing]) close()
    },
  }
}

const options = (handle: unknown, attach = () => () => {}) => ({
  attachPoint: 'http',
  programTypes: ['http_request'],
  program: handle as ProgramHandle,
  attach,
})

it('attaches, and detaches once', () => {
  const { handle, events, open } = program('http_request')
  const attach = (): (() => void) => {
    events.push('in')
    return () => void events.push('out')
  }
  const link = openLink(options(handle, attach))
  expect([link.attachPoint, link.program, link.closed]).toEqual(['http', handle, false])
  link.close()
  link[Symbol.dispose]()
  expect([link.closed, open()]).toEqual([true, 0])
  expect(events).toEqual(['in', 'attach', 'out', 'detach'])
})

it('goes with the collection', () => {
  const { handle, events, close } = program('http_request')
  const link = openLink(options(handle, () => () => void events.push('out')))
  close()
  expect([link.closed, ...events]).toEqual([true, 'attach', 'out', 'detach'])
  expect(() => openLink(options(handle, () => expect.unreachable()))).toThrow('the collection is closed')
})

it('leaves nothing behind where attaching fails', () => {
  const { handle, events, open } = program('http_request')
  const busy = (): never => {
    throw new Error('busy')
  }
  expect(() => openLink(options(handle, busy))).toThrow('busy')
  expect([events, open()]).toEqual([[], 0])
})

it('takes no other programs', () => {
  const refusal = (handle: unknown): readonly string[] => {
    try {
      openLink(options(handle, () => expect.unreachable()))
    } catch (error) {
      if (error instanceof AttachError) return [error.code, error.message]
    }
    return []
  }
  expect(refusal(program('xdp').handle)).toEqual([
    'WRONG_PROGRAM_TYPE',
    'http: program p is of type xdp, not http_request; attach it with the hook of its type',
  ])
  expect(refusal(Promise.resolve())).toEqual([
    'BAD_PROGRAM',
    'http: a promise was given as program; await it first',
  ])
  for (const wrong of [undefined, null, {}, 'p']) expect(refusal(wrong)[0]).toBe('BAD_PROGRAM')
})
