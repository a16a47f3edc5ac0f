import { deviceMistake, type PacketDevice } from '@skep/packet'
import type { ProgramHandle } from '@skep/registry'
import { TcAttachError } from './errors.ts'
import type { SideOptions } from './side-link.ts'

/** Throws TcAttachError BAD_PROGRAM and WRONG_PROGRAM_TYPE. */
export function checkProgram(program: ProgramHandle, type: string): void {
  if (typeof program?.runBatch !== 'function')
    throw new TcAttachError(
      'BAD_PROGRAM',
      typeof (program as { then?: unknown } | null | undefined)?.then === 'function'
        ? 'a promise was given as program; await it first'
        : `what was given is no program; give collection.program(name, "${type}")`,
    )
  if (program.type !== type)
    throw new TcAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is of type ${program.type}, not ${type}; load it as that type, or attach it with the hook of its own`,
    )
}

export function checkDevice(what: string, device: PacketDevice): void {
  const mistake = deviceMistake(what, device)
  if (mistake) throw new TcAttachError('BAD_DEVICE', mistake)
}

/** The devices that options name. */
export function checkDevices({ pass, redirect, peers }: SideOptions): void {
  if (pass !== undefined) checkDevice('options.pass', pass)
  for (const [name, devices] of Object.entries({ redirect, peers }))
    for (const [ifindex, target] of devices ?? []) checkDevice(`options.${name}, ifindex ${ifindex}`, target)
}
