import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RefusedError } from './report.ts'

/** The files named, and the `.o` files in the folders named and below them, sorted. */
export async function objectFiles(paths: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const path of paths) {
    const kind = await stat(path).catch(() => undefined)
    // What is not there is told where the file is read.
    if (kind?.isDirectory()) found.push(...(await objectsIn(path)))
    else found.push(path)
  }
  return found
}

async function objectsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.o'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  if (files.length === 0) throw new RefusedError('NO_OBJECTS', `${folder}: no .o file in it or below it`)
  return files
}
