import { openPcap, openPcapSink } from '@skep/packet/node'
import { about } from '../input.ts'
import { UsageError } from '../report.ts'
import type { TcDeviceOptions, TcState } from './state.ts'

/** What the command line says besides the words of tc. */
export interface TcOptions {
  batch?: string
  force: boolean
  json: boolean
  stats: boolean
  engine?: string
  pins?: string
  pcap?: string
  write?: string
  /** Files of devices, by the device's name. */
  readonly devices: Map<string, Partial<Record<'in' | 'send' | 'out' | 'pass', string>>>
  /** The words of one command. */
  words: string[]
}

const VALUES: Readonly<Record<string, 'batch' | 'engine' | 'pins' | 'pcap' | 'write'>> = {
  '-batch': 'batch',
  '-b': 'batch',
  '--batch': 'batch',
  '--engine': 'engine',
  '--pins': 'pins',
  '--pcap': 'pcap',
  '-w': 'write',
  '--write': 'write',
}
const FILES = ['in', 'send', 'out', 'pass'] as const

/** Parts the command's options from tc's words, which keep their order. Throws UsageError. */
export function readTcOptions(args: readonly string[]): TcOptions {
  const options: TcOptions = { force: false, json: false, stats: false, devices: new Map(), words: [] }
  const device = (name: string): Partial<Record<(typeof FILES)[number], string>> => {
    const known = options.devices.get(name) ?? {}
    options.devices.set(name, known)
    return known
  }
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!
    const value = (): string => {
      const next = args[++at]
      if (next === undefined) throw new UsageError(`${arg} needs a value`)
      return next
    }
    const file = FILES.find((name) => arg === `--${name}`)
    if (Object.hasOwn(VALUES, arg)) options[VALUES[arg]!] = value()
    else if (arg === '-force') options.force = true
    else if (['-j', '-json', '--json'].includes(arg)) options.json = true
    else if (['-s', '-stats', '-statistics', '--stats'].includes(arg)) options.stats = true
    else if (arg === '--dev') device(value())
    else if (file) {
      const [, name, path] = /^([^=]+)=(.+)$/.exec(value()) ?? []
      if (name === undefined || path === undefined) throw new UsageError(`${arg} takes NAME=FILE`)
      device(name)[file] = path
    } else options.words.push(arg)
  }
  return options
}

const opened = async <T>(
  path: string | undefined,
  open: (path: string) => Promise<T>,
): Promise<T | undefined> =>
  path === undefined
    ? undefined
    : open(path).catch((error) => {
        throw about(path, error)
      })

/** Makes the devices that the options name. */
export async function openDevices(state: TcState, { devices }: TcOptions): Promise<void> {
  for (const [name, files] of devices) {
    const source = await opened(files.in, openPcap)
    const send = await opened(files.send, openPcap)
    const linkType = (source ?? send)?.linkType
    const sinkOptions = linkType === undefined ? {} : { interfaces: [{ linkType, snapLength: 0 }] }
    const out = await opened(files.out, (path) => openPcapSink(path, sinkOptions))
    const pass = await opened(files.pass, (path) => openPcapSink(path, sinkOptions))
    const given: TcDeviceOptions = {
      ...(source ? { source } : {}),
      ...(send ? { send } : {}),
      ...(out ? { sink: out } : {}),
      ...(pass ? { pass } : {}),
    }
    state.addDevice(name, given)
  }
}
