import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import {
  type CollectionSpec,
  completeMaps,
  type Platform,
  type ProgramSpec,
  parseObject,
} from '@skep/runtime'
import type { VerifyInput } from '@skep/verifier'
import { BenchError } from '../errors.ts'
import { benchFolder } from '../folders.ts'

/** Where our own compiled programs are. */
const ownFolders = ['programs/verify', 'programs', '../cli/testdata'] as const

/** Objects of the bench and of the fixtures, without those that the fixtures hold twice, for other compiler options. */
export const ownObjects = (): readonly string[] =>
  ownFolders
    .flatMap((folder) => objectsIn(join(benchFolder, folder)))
    .filter((file) => !/\.\w+\.o$/.test(file))

function objectsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.o'))
    .map((entry) => join(folder, entry.name))
    .toSorted()
}

/** The objects that paths name: a file itself, of a folder all in it at any depth. Throws BenchError NOT_FOUND. */
export function objectsOf(paths: readonly string[]): readonly string[] {
  const walk = (path: string): string[] => {
    if (!statSync(path).isDirectory()) return [path]
    const folders = readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => join(path, entry.name))
      .toSorted()
    return [...objectsIn(path), ...folders.flatMap(walk)]
  }
  const missing = paths.find((path) => !existsSync(path))
  if (missing !== undefined) throw new BenchError('NOT_FOUND', `no file or folder ${missing}`)
  const files = paths.flatMap((path) => walk(resolve(path)))
  if (files.length === 0) throw new BenchError('NOT_FOUND', `no file that ends in .o in ${paths.join(', ')}`)
  return files
}

/** How a path is told: from the one folder that was given, or by the file's name. */
export function shortName(file: string, paths: readonly string[]): string {
  const [root] = paths
  if (paths.length !== 1 || !statSync(resolve(root!)).isDirectory()) return basename(file)
  return relative(resolve(root!), file)
}

/** The object as it would be loaded on a machine with so many CPUs. Throws the loader's error. */
export function readObject(
  file: string,
  platform: Platform,
  kernelBtf: Uint8Array | undefined,
  cpus: number,
): CollectionSpec {
  const spec = parseObject(readFileSync(file), platform, kernelBtf ? { kernelBtf } : {})
  return completeMaps(spec, platform, cpus)
}

/** A program as the verifier takes it. */
export const inputOf = ({ spec, program }: { spec: CollectionSpec; program: ProgramSpec }): VerifyInput => ({
  program,
  maps: spec.maps,
  ...(spec.btf ? { btf: spec.btf } : {}),
})

const RUNNING_KERNEL = '/sys/kernel/btf/vmlinux'

/** BTF of the running kernel, where there is one. */
export function runningKernelBtf(): Uint8Array | undefined {
  return statSync(RUNNING_KERNEL, { throwIfNoEntry: false }) && readFileSync(RUNNING_KERNEL)
}
