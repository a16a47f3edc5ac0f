/**
 * What a plugin is about to do, by number: the group in the upper byte, as `op >> 8` gives it. The C header has these as
 * `GUARD_FS_READ` and so on.
 */
export const GUARD_OPERATIONS = {
  /** Opens a file for reading, reads it, or copies from it. */
  FS_READ: 0x101,
  /** Opens a file for writing, makes, truncates or fills it: `flags` has what open(2) takes. */
  FS_WRITE: 0x102,
  /** Asks about a path: stat, lstat, access, exists, realpath, statfs. */
  FS_STAT: 0x103,
  /** Lists a directory. */
  FS_LIST: 0x104,
  FS_READLINK: 0x105,
  FS_MKDIR: 0x106,
  /** Removes a file or a directory; `GUARD_F_RECURSIVE` with all that is in it. */
  FS_REMOVE: 0x107,
  /** Twice: of the old path, then with `GUARD_F_TARGET` of the new one. */
  FS_RENAME: 0x108,
  /** Twice, as FS_RENAME. */
  FS_LINK: 0x109,
  /** Makes a symbolic link; the detail is where it leads. */
  FS_SYMLINK: 0x10a,
  FS_CHMOD: 0x10b,
  FS_CHOWN: 0x10c,
  FS_UTIMES: 0x10d,
  FS_WATCH: 0x10e,
  /** TCP to an address, or a UNIX socket: `path` is the host as the caller named it, or the socket's path. */
  NET_CONNECT: 0x201,
  NET_LISTEN: 0x202,
  UDP_BIND: 0x203,
  /** Sends a datagram, or connects a socket to where later ones go. */
  UDP_SEND: 0x204,
  /** Asks the system for a host's addresses: `path` is its name. */
  DNS_LOOKUP: 0x301,
  /** Asks a name server for records. */
  DNS_RESOLVE: 0x302,
  /** Asks for the name of an address. */
  DNS_REVERSE: 0x303,
  /** Changes the name servers: `path` has them with commas between. */
  DNS_SERVERS: 0x304,
  /** Starts a process: `path` is the file, the detail its arguments, each with a NUL behind it. */
  PROCESS_SPAWN: 0x401,
  /** `flags` is the signal, `mode` the process's number. */
  PROCESS_KILL: 0x402,
  PROCESS_CHDIR: 0x403,
  /** Changes user or group: `path` is the function, `setuid` say. */
  PROCESS_SETID: 0x404,
  PROCESS_EXIT: 0x405,
  /** Loads a native addon. */
  PROCESS_DLOPEN: 0x406,
  /** Asks for an internal binding: `path` is its name. */
  PROCESS_BINDING: 0x407,
  /** Starts a thread, in which no guard is: `path` is its file, or with `GUARD_F_EVAL` the detail its code. */
  CODE_WORKER: 0x501,
  /** Loads a module by `require`: a file, or `node:` and the name of a built-in one. */
  CODE_REQUIRE: 0x502,
  /** Opens the inspector, for a session or on a port. */
  CODE_INSPECT: 0x503,
  /** Makes a WASI instance: the detail is the directories that it is given, each with a NUL behind it. */
  CODE_WASI: 0x504,
  /** Loads an engine of OpenSSL. */
  CODE_ENGINE: 0x505,
} as const

export type GuardOperation = keyof typeof GUARD_OPERATIONS

/** Bits of `flags` that are not open(2)'s; those lie below. */
export const GUARD_FLAGS = {
  /** The second path of a call that has two. */
  TARGET: 0x1000_0000,
  /** With all that lies below. */
  RECURSIVE: 0x2000_0000,
  /** Code is given as text. */
  EVAL: 0x4000_0000,
  /** The detail is longer than the 65,535 bytes of it that programs see. */
  CUT: 0x0800_0000,
} as const

const names = new Map<number, GuardOperation>(
  Object.entries(GUARD_OPERATIONS).map(([name, op]) => [op, name as GuardOperation]),
)

/** The name of an operation's number. */
export const guardOperation = (op: number): GuardOperation | undefined => names.get(op)

/** As the C header has them. */
export const guardConstants: Readonly<Record<string, number>> = Object.fromEntries([
  ...Object.entries(GUARD_OPERATIONS).map(([name, op]) => [`GUARD_${name}`, op] as const),
  ...Object.entries(GUARD_FLAGS).map(([name, bit]) => [`GUARD_F_${name}`, bit] as const),
])
