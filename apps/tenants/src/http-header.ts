import { arg, defineHelper, definePlugin, type HelperDef, type PluginDef, ret } from '@skep/runtime'
import { httpRequest } from './http-request.ts'

const { fields } = httpRequest.context
const offsetOf = (name: string): number => fields.find((one) => one.name === name)!.offset
const [PATH_LEN, DATA, END] = [offsetOf('path_len'), offsetOf('data'), offsetOf('data_end')] as const
const [COLON, NEWLINE] = [0x3a, 0x0a] as const

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
 * Returns its length, which may be more than fits, or -1 where there is none; zeros follow it.
 */
const httpHeader = defineHelper({
  name: 'http_header',
  id: 0x1_0001,
  args: [arg.ctx(), arg.mem({ access: 'read' }), arg.size(), arg.mem({ access: 'write' }), arg.size()],
  returns: ret.scalar(),
  programTypes: ['http_request'],
  call(context, name, value) {
    const view = new DataView(this.memory.buffer)
    const start = view.getUint32(context + DATA, true) + view.getUint32(context + PATH_LEN, true)
    const lines = new Uint8Array(this.memory.buffer, start, view.getUint32(context + END, true) - start)
    const found = lineOf(lines, name)
    value.fill(0)
    value.set(found?.subarray(0, value.length) ?? [])
    return found?.length ?? -1
  },
}) as unknown as HelperDef

export const httpHelpers: PluginDef = definePlugin({ name: 'http-helpers', helpers: [httpHeader] })
