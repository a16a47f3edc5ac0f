/**
 * Text that stands alone in another process: what binds the calls that put a filter on it, and makes a struct sock_fprog of
 * instructions in hex. `path` is koffi's.
 */
export const FILTER_CALLS = `
const koffi = require(path)
const libc = koffi.load(null)
const seccomp = libc.func('syscall', 'long', ['long', 'long', 'long', 'void *', 'long', 'long', 'long'])
const prctl = libc.func('prctl', 'int', ['int', 'unsigned long', 'unsigned long', 'unsigned long', 'unsigned long'])
const held = []
const programOf = (hex) => {
  const insns = Buffer.from(hex, 'hex')
  const program = new BigUint64Array(2)
  new Uint16Array(program.buffer)[0] = insns.length / 8
  program[1] = koffi.address(insns)
  held.push(insns, program)
  return new Uint8Array(program.buffer)
}
`

/**
 * What a confined child runs before its command: puts the filter on its one thread of JavaScript and becomes the command. Text,
 * for it must stand alone in another process. Its arguments: the path of koffi, and an order as JSON. It tells what it does on
 * descriptor 3, a line of JSON each, which closes when the command begins.
 *
 * Once there is a listener, each system call waits for the supervisor, who takes it out of this process first. So the launcher
 * waits without one, until the supervisor has written to its memory.
 */
export const LAUNCHER: string = `
const [path, text] = process.argv.slice(1)
const order = JSON.parse(text)
const fs = require('fs')
const tell = (message) => fs.writeSync(3, JSON.stringify(message) + '\\n')
const fail = (step, errno) => {
  try { tell({ step, errno }) } catch {}
  process.exit(127)
}
${FILTER_CALLS}const fcntl = libc.func('fcntl', 'int', ['int', 'int', 'long'])
const signal = libc.func('signal', 'long', ['int', 'long'])
const exec = libc.func('execve', 'int', ['void *', 'void *', 'void *'])
const cString = (value) => {
  const bytes = Buffer.from(value + '\\0')
  held.push(bytes)
  return koffi.address(bytes)
}
const vector = (values) => {
  const list = new BigUint64Array([...values.map(cString), 0n])
  held.push(list)
  return new Uint8Array(list.buffer)
}
const file = Buffer.from(order.file + '\\0')
const argv = vector(order.argv)
const envp = vector(order.env)
const programBytes = programOf(order.filter)
// What has been called once makes no system calls of its own the next time.
fcntl(3, 1, 0)
koffi.errno()
const go = new Int32Array(new ArrayBuffer(4096))
const goBytes = new Uint8Array(go.buffer)
if (fcntl(3, 2, 1) === -1) fail('fcntl', koffi.errno())
// Node keeps its standard streams to itself.
for (const fd of [0, 1, 2]) fcntl(fd, 2, 0)
// Node ignores it, and commands would inherit that.
signal(13, 0)
if (prctl(38, 1, 0, 0, 0) === -1) fail('prctl', koffi.errno())
tell({ ready: koffi.address(goBytes).toString() })
if (seccomp(order.nr, 1, order.flags, programBytes, 0, 0, 0) === -1) fail('seccomp', koffi.errno())
if (order.listen) while (Atomics.load(go, 0) === 0);
exec(file, argv, envp)
fail('execve', koffi.errno())
`
