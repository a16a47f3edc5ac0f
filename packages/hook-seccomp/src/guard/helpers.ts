import { type ArgDesc, arg, defineHelper, type HelperDef, type HostEnv, type JsArgs } from '@skep/registry'
import { guardOffset, LONGEST_TEXT, PLUGIN_NAME_SIZE } from './event.ts'

const PATH = guardOffset('path')
const PATH_LEN = guardOffset('path_len')
const DETAIL = guardOffset('reserved')
const PLUGIN = guardOffset('plugin')
const SLASH = 0x2f

const textAt = (memory: WebAssembly.Memory, event: number, at: number, length: number): Uint8Array => {
  const view = new DataView(memory.buffer)
  const address = view.getUint32(event + at, true)
  return new Uint8Array(memory.buffer, address, view.getUint32(event + length, true))
}

/** A helper of guards, whose result is from 0 to `max`. */
const guardHelper = <const A extends readonly ArgDesc[]>(
  name: string,
  id: number,
  max: number,
  args: A,
  call: (this: HostEnv, ...given: JsArgs<A>) => number,
): HelperDef =>
  defineHelper({
    name,
    id,
    args,
    returns: { kind: 'integer', js: 'i32', min: 0, max },
    programTypes: ['guard'],
    call,
  }) as unknown as HelperDef

const to = arg.mem({ access: 'write' })

export const guardHelpers: readonly HelperDef[] = [
  /**
   * `guard_detail(event, offset, to, size)`: bytes of the detail from `offset` on, zeros behind them. Returns how many bytes the
   * detail has from there on, which may be more than `size`; 0 at its end.
   */
  guardHelper(
    'guard_detail',
    0x1_6a01,
    LONGEST_TEXT,
    [arg.ctx(), arg.u32(), to, arg.size()],
    function (event, offset, bytes) {
      const text = textAt(this.memory, event, DETAIL, DETAIL + 4)
      const rest = text.subarray(Math.min(offset, text.length))
      bytes.fill(0)
      bytes.set(rest.subarray(0, bytes.length))
      return rest.length
    },
  ),
  /**
   * `guard_within(event, folder, size)`: 1 where the path is the folder, or lies in it at any depth; else 0. `folder` has no NUL
   * at its end, and no slash unless it is the root.
   */
  guardHelper(
    'guard_within',
    0x1_6a02,
    1,
    [arg.ctx(), arg.mem({ access: 'read' }), arg.size()],
    function (event, folder) {
      const path = textAt(this.memory, event, PATH, PATH_LEN)
      if (folder.some((byte, n) => path[n] !== byte)) return 0
      const ends = folder.at(-1) === SLASH || path.length === folder.length || path[folder.length] === SLASH
      return ends ? 1 : 0
    },
  ),
  /**
   * `guard_path(event, to, size)`: the path, cut where there is no more room, with at least one zero behind it. Returns how many
   * bytes it has. What only looks at its beginning reads it between `path` and `path_end`.
   */
  guardHelper('guard_path', 0x1_6a03, LONGEST_TEXT, [arg.ctx(), to, arg.size()], function (event, bytes) {
    const text = textAt(this.memory, event, PATH, PATH_LEN)
    bytes.fill(0)
    bytes.set(text.subarray(0, bytes.length - 1))
    return text.length
  }),
  /**
   * `guard_plugin(event, to, size)`: the plugin's name with zeros behind it, as a key of maps has it; 0. All 32 bytes are in the
   * context too, but compilers like to calculate with pointers to it, and verifiers do not.
   */
  guardHelper('guard_plugin', 0x1_6a04, 0, [arg.ctx(), to, arg.size()], function (event, bytes) {
    const name = new Uint8Array(this.memory.buffer, event + PLUGIN, PLUGIN_NAME_SIZE)
    bytes.fill(0)
    bytes.set(name.subarray(0, bytes.length))
    return 0
  }),
]
