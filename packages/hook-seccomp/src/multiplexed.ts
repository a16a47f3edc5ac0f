import { type Architecture, syscallsOf } from './architectures.ts'

/** Calls that some architectures make through one call, by its number there (linux/net.h, linux/ipc.h). */
const THROUGH: Readonly<
  Record<string, { readonly mask: number; readonly calls: Readonly<Record<string, number>> }>
> = {
  socketcall: {
    mask: 0xffff_ffff,
    calls: {
      socket: 1,
      bind: 2,
      connect: 3,
      listen: 4,
      accept: 5,
      getsockname: 6,
      getpeername: 7,
      socketpair: 8,
      send: 9,
      recv: 10,
      sendto: 11,
      recvfrom: 12,
      shutdown: 13,
      setsockopt: 14,
      getsockopt: 15,
      sendmsg: 16,
      recvmsg: 17,
      accept4: 18,
      recvmmsg: 19,
      sendmmsg: 20,
    },
  },
  // The upper half of its argument is a version.
  ipc: {
    mask: 0xffff,
    calls: {
      semop: 1,
      semget: 2,
      semctl: 3,
      semtimedop: 4,
      msgsnd: 11,
      msgrcv: 12,
      msgget: 13,
      msgctl: 14,
      shmat: 21,
      shmdt: 22,
      shmget: 23,
      shmctl: 24,
    },
  },
}

/** How a call goes through another one: that one's name, and what its first argument is then, under a mask. */
export interface Multiplexed {
  readonly through: string
  readonly mask: number
  readonly value: number
}

/** How an architecture also makes a call, where it does so through `socketcall` or `ipc`. */
export function multiplexed(arch: Architecture, name: string): Multiplexed | undefined {
  for (const [through, { mask, calls }] of Object.entries(THROUGH))
    if (Object.hasOwn(calls, name) && syscallsOf(arch.name).has(through))
      return { through, mask, value: calls[name]! }
  return undefined
}
