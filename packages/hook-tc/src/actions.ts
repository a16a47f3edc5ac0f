import type { PacketDevice } from '@skep/packet'
import type { ProgramHandle } from '@skep/registry'
import { police } from './police.ts'
import {
  TC_ACT_OK,
  TC_ACT_PIPE,
  TC_ACT_RECLASSIFY,
  TC_ACT_REDIRECT,
  TC_ACT_REPEAT,
  TC_ACT_SHOT,
  TC_ACT_STOLEN,
  TC_ACT_UNSPEC,
} from './sched.ts'

export type Direction = 'ingress' | 'egress'

/** A program that may be an action: `collection.program(name, 'sched_act')`. */
export type TcActionProgram = ProgramHandle & { readonly type: 'sched_act' }

/** What a filter does with packets that it matches, where its program does not say so itself. */
export type TcAction =
  /** gact: a verdict (TC_ACT_*), or another chain. */
  | { readonly kind: 'gact'; readonly verdict: number; readonly chain?: number }
  /** mirred: a copy of the packet, or the packet, goes to a device. */
  | {
      readonly kind: 'mirred'
      readonly action: 'mirror' | 'redirect'
      readonly direction: Direction
      readonly device: PacketDevice
    }
  /** act_bpf: the program's verdict, or `otherwise` (TC_ACT_PIPE when absent) where it returns TC_ACT_UNSPEC. */
  | { readonly kind: 'bpf'; readonly program: TcActionProgram; readonly otherwise?: number }
  /** police: packets within a rate get `conform`, TC_ACT_OK when absent; those beyond it `exceed`, TC_ACT_SHOT when absent. */
  | {
      readonly kind: 'police'
      /** Bytes in a second. */
      readonly rate: number
      /** Bytes that may come at once. */
      readonly burst: number
      /** Longer packets are beyond the rate. */
      readonly mtu?: number
      readonly conform?: number
      readonly exceed?: number
    }

/** TC_ACT_GOTO_CHAIN (include/uapi/linux/pkt_cls.h): a chain's number in the low 28 bits. */
export const GOTO_CHAIN = 0x2000_0000
export const CHAIN_MASK = 0x0fff_ffff

/** What actions need of a packet. */
export interface ActionSubject {
  /** Runs an action's program over the packet; the verdict as an int. */
  run(program: ProgramHandle): number
  /** Nanoseconds. */
  now(): bigint
  /** Bytes of the packet. */
  length(): number
  /** A copy of the packet goes to a device. */
  send(device: PacketDevice, direction: Direction): void
}

/** Verdicts of programs that act_bpf takes (tcf_bpf_act, net/sched/act_bpf.c). */
const FROM_PROGRAMS: readonly number[] = [
  TC_ACT_OK,
  TC_ACT_RECLASSIFY,
  TC_ACT_SHOT,
  TC_ACT_PIPE,
  TC_ACT_REDIRECT,
]

/** Times that an action may ask to be run again (TCA_ACT_MAX_PRIO). */
const MOST_REPEATS = 32

/** Runs actions one behind the other while each says TC_ACT_PIPE (tcf_action_exec); without any, TC_ACT_OK. */
export function runActions(actions: readonly TcAction[], subject: ActionSubject): number {
  let verdict: number = TC_ACT_OK
  for (const action of actions) {
    let left = MOST_REPEATS
    do verdict = runAction(action, subject)
    while (verdict === TC_ACT_REPEAT && --left > 0)
    if (verdict === TC_ACT_REPEAT) return TC_ACT_OK
    if (verdict !== TC_ACT_PIPE) break
  }
  return verdict
}

function runAction(action: TcAction, subject: ActionSubject): number {
  switch (action.kind) {
    case 'gact':
      return action.chain === undefined ? action.verdict : GOTO_CHAIN | (action.chain & CHAIN_MASK)
    case 'mirred':
      subject.send(action.device, action.direction)
      return action.action === 'mirror' ? TC_ACT_PIPE : TC_ACT_STOLEN
    case 'police':
      return police(action, subject.length(), subject.now())
    case 'bpf': {
      const verdict = subject.run(action.program)
      if (verdict === TC_ACT_UNSPEC) return action.otherwise ?? TC_ACT_PIPE
      return FROM_PROGRAMS.includes(verdict) ? verdict : TC_ACT_UNSPEC
    }
  }
}
