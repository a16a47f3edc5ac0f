import type { Context } from './context.ts'
import { Handle } from './context.ts'
import { errnoText } from './errno.ts'
import { KernelArgumentError, KernelError } from './errors.ts'
import type { Command } from './uapi.ts'

/** What the kernel numbers. */
export type ObjectKind = 'prog' | 'map' | 'btf' | 'link'

const commandsOf: Readonly<Record<ObjectKind, { readonly next: Command; readonly open: Command }>> = {
  prog: { next: 'BPF_PROG_GET_NEXT_ID', open: 'BPF_PROG_GET_FD_BY_ID' },
  map: { next: 'BPF_MAP_GET_NEXT_ID', open: 'BPF_MAP_GET_FD_BY_ID' },
  btf: { next: 'BPF_BTF_GET_NEXT_ID', open: 'BPF_BTF_GET_FD_BY_ID' },
  link: { next: 'BPF_LINK_GET_NEXT_ID', open: 'BPF_LINK_GET_FD_BY_ID' },
}

/** Ids of all objects of a kind, in the kernel's order. Throws KernelError. */
export function* objectIds(context: Context, kind: ObjectKind): Generator<number> {
  const { next } = commandsOf[kind]
  for (let id = 0; ; ) {
    const { attr } = context
    const size = attr.begin(next)
    attr.set('start_id', id)
    const result = context.call(next, size)
    if (result < 0) {
      if (errnoText(result) === 'ENOENT') return
      throw new KernelError(errnoText(result), next, `ids of ${kind}s`, 'run as root or with CAP_SYS_ADMIN')
    }
    id = attr.get('next_id')
    yield id
  }
}

/** The object of an id; undefined when it is gone. Throws KernelError. */
export function openObject(context: Context, kind: ObjectKind, id: number): Handle | undefined {
  const { open } = commandsOf[kind]
  const { attr } = context
  const size = attr.begin(open)
  attr.set('id', id)
  const result = context.call(open, size)
  if (result >= 0) return new Handle(context.ffi, result, `${kind} ${id}`)
  const errno = errnoText(result)
  if (errno === 'ENOENT') return undefined
  throw new KernelError(errno, open, `${kind} ${id}`, 'run as root or with CAP_SYS_ADMIN')
}

/** BPF_OBJ_GET_INFO_BY_FD: fills `info`, which may hold addresses and lengths of blocks. Throws KernelError. */
export function readInfo(context: Context, fd: number, info: Uint8Array, what: string): DataView {
  const { attr } = context
  const size = attr.begin('BPF_OBJ_GET_INFO_BY_FD')
  attr.set('bpf_fd', fd)
  attr.set('info_len', info.length)
  attr.set('info', context.address(info))
  context.must('BPF_OBJ_GET_INFO_BY_FD', size, what)
  return new DataView(info.buffer, info.byteOffset, info.length)
}

const pathOf = (path: string): Uint8Array => {
  if (path === '' || path.includes('\0'))
    throw new KernelArgumentError('path', `${JSON.stringify(path)} is no path; give one under /sys/fs/bpf`)
  return new TextEncoder().encode(`${path}\0`)
}

const pinMends: Readonly<Record<string, string>> = {
  EEXIST: 'something is pinned there; unlink it, or take another path',
  ENOENT: 'make its folder under a mounted bpf file system, /sys/fs/bpf mostly',
  EPERM: 'the path is not on a bpf file system; mount one, /sys/fs/bpf mostly',
  EINVAL: 'the path is not on a bpf file system; mount one, /sys/fs/bpf mostly',
}

/** BPF_OBJ_PIN: keeps an object under a path of a bpf file system until it is unlinked. Throws KernelError. */
export function pinObject(context: Context, fd: number, path: string): void {
  const name = pathOf(path)
  const { attr } = context
  const size = attr.begin('BPF_OBJ_PIN')
  attr.set('pathname', context.address(name))
  attr.set('bpf_fd', fd)
  context.must('BPF_OBJ_PIN', size, path, pinMends)
}

/** BPF_OBJ_GET: a descriptor of what is pinned under a path; undefined where nothing is. Throws KernelError. */
export function openPinned(context: Context, path: string): number | undefined {
  const name = pathOf(path)
  const { attr } = context
  const size = attr.begin('BPF_OBJ_GET')
  attr.set('pathname', context.address(name))
  const result = context.call('BPF_OBJ_GET', size)
  if (result >= 0) return result
  const errno = errnoText(result)
  if (errno === 'ENOENT') return undefined
  throw new KernelError(errno, 'BPF_OBJ_GET', path, pinMends[errno])
}
