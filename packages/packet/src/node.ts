import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { ByteSource } from './byte-source.ts'
import type { PacketDevice } from './device.ts'
import {
  type ByteSink,
  createPcapSink,
  createPcapSource,
  type PcapSinkOptions,
  type PcapSourceOptions,
} from './pcap-device.ts'

/** A file read from its begin to its end, straight into the buffer of whoever reads. */
export async function openFileSource(path: string): Promise<ByteSource> {
  const file = await open(path, 'r')
  return {
    read: async (into) => (await file.read(into, 0, into.length)).bytesRead,
    close: () => file.close(),
  }
}

/** A new file, or the old one emptied, written from its begin. */
export async function openFileSink(path: string): Promise<ByteSink> {
  const file = await open(path, 'w')
  return {
    write: (bytes) => writeAll(file, bytes),
    close: () => file.close(),
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten
}

/** The same without a promise for each piece, for commands that have nothing else to do meanwhile. */
export function openBlockingSource(path: string): ByteSource {
  const file = openSync(path, 'r')
  return {
    read: (into) => readSync(file, into, 0, into.length, null),
    close: () => closeSync(file),
  }
}

/** As `openFileSink`, without a promise for each piece. */
export function openBlockingSink(path: string): ByteSink {
  const file = openSync(path, 'w')
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    },
    close: () => closeSync(file),
  }
}

/** A device that receives the packets of a pcap or pcapng file of any size. Throws PcapError, and the file system's errors. */
export const openPcap = async (path: string, options: PcapSourceOptions = {}): Promise<PacketDevice> =>
  createPcapSource(await openFileSource(path), { name: basename(path), ...options })

/** A device that writes what is transmitted to it to a pcap (or, as `options.format` says, a pcapng) file. */
export const openPcapSink = async (path: string, options: PcapSinkOptions = {}): Promise<PacketDevice> =>
  createPcapSink(await openFileSink(path), { name: basename(path), ...options })
