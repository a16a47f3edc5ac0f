import { arg, defineHelper, type HelperDef } from '@skep/registry'
import { guardOffset, PLUGIN_NAME_SIZE } from './event.ts'

const PATH = guardOffset('path')
const PATH_LEN = guardOffset('path_len')
const DETAIL = guardOffset('reserved')
const SLASH = 0x2f

const ids = {
  guard_detail: 0x1_6a01,
  guard_within: 0x1_6a02,
  guard_path: 0x1_6a03,
  guard_plugin: 0x1_6a04,
} as const

const textAt = (memory: WebAssembly.Memory, event: number, at: number, length: number): Uint8Array => {
  const view = new DataView(memory.buffer)
  const address = view.getUint32(event + at, true)
  return new Uint8Array(memory.buffer, address, view.getUint32(event + length, true))
}

/**
 * `guard_detail(event, offset, to, size)`: bytes of the detail from `offset` on, zeros behind them. Returns how many bytes the
 * detail has from there on, which may be more than `size`; 0 at its end.
 */
const detail: HelperDef = defineHelper({
  name: 'guard_detail',
  id: ids.guard_detail,
  args: [arg.ctx(), arg.u32(), arg.mem({ access: 'write' }), arg.size()],
  returns: { kind: 'integer', js: 'i32', min: 0, max: 65_535 },
  programTypes: ['guard'],
  call(event, offset, to) {
    const text = textAt(this.memory, event, DETAIL, DETAIL + 4)
    const rest = text.subarray(Math.min(offset, text.length))
    to.fill(0)
    to.set(rest.subarray(0, to.length))
    return rest.length
  },
}) as unknown as HelperDef

/**
 * `guard_path(event, to, size)`: the path, cut where there is no more room, with at least one zero behind it. Returns how many
 * bytes it has. What only looks at its beginning reads it between `path` and `path_end`.
 */
const path: HelperDef = defineHelper({
  name: 'guard_path',
  id: ids.guard_path,
  args: [arg.ctx(), arg.mem({ access: 'write' }), arg.size()],
  returns: { kind: 'integer', js: 'i32', min: 0, max: 65_535 },
  programTypes: ['guard'],
  call(event, to) {
    const text = textAt(this.memory, event, PATH, PATH_LEN)
    to.fill(0)
    to.set(text.subarray(0, to.length - 1))
    return text.length
  },
}) as unknown as HelperDef

/**
 * `guard_within(event, folder, size)`: 1 where the path is the folder, or lies in it at any depth; else 0. `folder` has no NUL
 * at its end, and no slash unless it is the root.
 */
const within: HelperDef = defineHelper({
  name: 'guard_within',
  id: ids.guard_within,
  args: [arg.ctx(), arg.mem({ access: 'read' }), arg.size()],
  returns: { kind: 'integer', js: 'i32', min: 0, max: 1 },
  programTypes: ['guard'],
  call(event, folder) {
    const path = textAt(this.memory, event, PATH, PATH_LEN)
    if (folder.some((byte, n) => path[n] !== byte)) return 0
    const ends = folder.at(-1) === SLASH || path.length === folder.length || path[folder.length] === SLASH
    return ends ? 1 : 0
  },
}) as unknown as HelperDef

/**
 * `guard_plugin(event, to, size)`: the plugin's name with zeros behind it, as a key of maps has it; 0. All 32 bytes are in the
 * context too, but compilers like to calculate with pointers to it, and verifiers do not.
 */
const plugin: HelperDef = defineHelper({
  name: 'guard_plugin',
  id: ids.guard_plugin,
  args: [arg.ctx(), arg.mem({ access: 'write' }), arg.size()],
  returns: { kind: 'integer', js: 'i32', min: 0, max: 0 },
  programTypes: ['guard'],
  call(event, to) {
    const name = new Uint8Array(this.memory.buffer, event + guardOffset('plugin'), PLUGIN_NAME_SIZE)
    to.fill(0)
    to.set(name.subarray(0, to.length))
    return 0
  },
}) as unknown as HelperDef

export const guardHelpers: readonly HelperDef[] = [detail, within, path, plugin]
