import { type ContextField, field, type StructContext, struct } from '@skep/registry'

/** Bytes of a plugin's name in a context, the NUL at its end included. */
export const PLUGIN_NAME_SIZE = 32

/** Most bytes that programs see of a text: a path that is longer is denied before any program is asked, a detail is cut. */
export const LONGEST_TEXT = 65_535

/**
 * `struct guard_event`: a call that is about to be made. Text lies between `path` and `path_end`, without a NUL; files by
 * their absolute path, links followed. What a field does not apply to is 0.
 */
export const guardEventContext: StructContext = /* @__PURE__ */ struct(
  'guard_event',
  {
    /** GUARD_*. */
    op: field.u32(),
    /** O_* of open(2) as Linux numbers them, a signal, and GUARD_F_*. */
    flags: field.u32(),
    /** Permissions of what is made; a process's number. */
    mode: field.u32(),
    uid: field.u32(),
    /** AF_UNIX 1, AF_INET 2, AF_INET6 10. */
    family: field.u32(),
    /** In the machine's order. */
    port: field.u32(),
    /** 0 for the main thread. */
    thread: field.u32(),
    path_len: field.u32(),
    path: field.pointer('packet', { c: 'void *' }),
    path_end: field.pointer('packet_end', { c: 'void *' }),
    /** The plugin's name with zeros behind it; zeros where the host itself calls. */
    plugin: field.bytes(PLUGIN_NAME_SIZE),
    /** In network order; the first 4 bytes for AF_INET. */
    address: field.bytes(16),
    /** Where the detail lies, for guard_detail. */
    reserved: field.padding(8),
  },
  { packet: { data: 'path', end: 'path_end' } },
)

const fields = new Map<string, ContextField>(guardEventContext.fields.map((one) => [one.name, one]))

/** Bytes from the start of the context. */
export const guardOffset = (name: string): number => fields.get(name)!.offset
