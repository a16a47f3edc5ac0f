import { arg, defineHelper, definePlugin, type PluginDef, ret } from '@skep/runtime'
import { httpRequest } from './http-request.ts'

const { fields } = httpRequest.context
const offsetOf = (name: string): number => fields.find((one) => one.name === name)!.offset
const [CALLS, PATH_LEN, DATA, END] = ['calls', 'path_len', 'data', 'data_end'].map(offsetOf) as [
  number,
  number,
  number,
  number,
]
const [COLON, NEWLINE] = [0x3a, 0x0a] as const

/** Calls of these helpers in one run: JS takes longer than an instruction, and so has a bound of its own. */
const MOST_CALLS = 64
const E2BIG = 7
/** Characters of a line in the log. */
const LINE = 200

/** Whether a run may go on calling; counts in its context. */
function mayCall(view: DataView, context: number): boolean {
  const calls = view.getUint32(context + CALLS, true)
  view.setUint32(context + CALLS, calls + 1, true)
  return calls < MOST_CALLS
}

/** What stands behind `name: ` in lines, undefined without such a line. */
function lineOf(lines: Uint8Array, name: Uint8Array): Uint8Array | undefined {
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf(NEWLINE, at)
    if (lines[at + name.length] === COLON && name.every((byte, n) => lines[at + n] === byte))
      return lines.subarray(at + name.length + 2, end)
    at = end + 1
  }
  return undefined
}

/**
 * `http_header(ctx, name, name_size, value, value_size)`: the value of a header, whose name is in small letters and without a NUL.
 * Returns its length, which may be more than fits, or -1 where there is none; zeros follow it. -E2BIG after 64 calls.
 */
const httpHeader = defineHelper({
  name: 'http_header',
  id: 0x1_0001,
  args: [arg.ctx(), arg.mem({ access: 'read' }), arg.size(), arg.mem({ access: 'write' }), arg.size()],
  returns: ret.scalar(),
  programTypes: ['http_request'],
  call(context, name, value) {
    const view = new DataView(this.memory.buffer)
    value.fill(0)
    if (!mayCall(view, context)) return -E2BIG
    const start = view.getUint32(context + DATA, true) + view.getUint32(context + PATH_LEN, true)
    const lines = new Uint8Array(this.memory.buffer, start, view.getUint32(context + END, true) - start)
    const found = lineOf(lines, name)
    value.set(found?.subarray(0, value.length) ?? [])
    return found?.length ?? -1
  },
})

/** `http_log(ctx, text, size)`: a line for the tenant's log. Returns 0, and -E2BIG after 64 calls. */
const httpLog = defineHelper({
  name: 'http_log',
  id: 0x1_0002,
  args: [arg.ctx(), arg.mem({ access: 'read' }), arg.size()],
  returns: ret.scalar(),
  programTypes: ['http_request'],
  call(context, text) {
    if (!mayCall(new DataView(this.memory.buffer), context)) return -E2BIG
    const line = text.slice(0, LINE)
    const end = line.indexOf(0)
    this.emit('printk', {
      text: new TextDecoder().decode(end < 0 ? line : line.subarray(0, end)),
      cpu: this.cpu,
    })
    return 0
  },
})

export const httpHelpers: PluginDef = definePlugin({ name: 'http-helpers', helpers: [httpHeader, httpLog] })
