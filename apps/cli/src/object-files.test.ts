import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { objectFiles } from './object-files.ts'

describe('objectFiles', () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-objects-'))
  const at = (...parts: string[]): string => join(folder, ...parts)
  mkdirSync(at('deep', 'er'), { recursive: true })
  mkdirSync(at('none.o'))
  for (const name of ['b.o', 'a.o', 'c.txt', 'deep/er/d.o']) writeFileSync(at(name), '')

  it('goes down into folders, sorted, and keeps the order of what is named', async () => {
    expect(await objectFiles([at('c.txt'), folder])).toEqual([
      at('c.txt'),
      at('a.o'),
      at('b.o'),
      at('deep/er/d.o'),
    ])
  })

  it('leaves what is not there to whoever reads it', async () => {
    expect(await objectFiles([at('nowhere.o')])).toEqual([at('nowhere.o')])
  })

  it('refuses a folder without objects', async () => {
    await expect(objectFiles([at('none.o')])).rejects.toMatchObject({ code: 'NO_OBJECTS' })
  })
})
