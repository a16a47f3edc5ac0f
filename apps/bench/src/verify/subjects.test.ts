import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { BenchError } from '../errors.ts'
import { objectsOf, ownObjects, shortName } from './subjects.ts'

const folder = mkdtempSync(join(tmpdir(), 'skep-bench-'))
mkdirSync(join(folder, 'inner'))
for (const file of ['b.o', 'a.o', 'a.c', 'inner/c.o']) writeFileSync(join(folder, file), '')
afterAll(() => rmSync(folder, { recursive: true }))

describe('objectsOf', () => {
  it('takes files as they are, and of folders what ends in .o', () => {
    const files = objectsOf([folder])
    expect(files.map((file) => shortName(file, [folder]))).toEqual(['a.o', 'b.o', join('inner', 'c.o')])
    expect(objectsOf([join(folder, 'a.c')])).toEqual([join(folder, 'a.c')])
  })

  it('tells what is not there', () => {
    expect(() => objectsOf([join(folder, 'd.o')])).toThrow(BenchError)
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    expect(() => objectsOf([empty])).toThrow(`no file that ends in .o in ${empty}`)
  })
})

describe('shortName', () => {
  it('is the path from one folder, else the name', () => {
    expect(shortName(join(folder, 'inner', 'c.o'), [folder])).toBe(join('inner', 'c.o'))
    expect(shortName(join(folder, 'a.o'), [join(folder, 'a.o')])).toBe('a.o')
    expect(shortName(join(folder, 'inner', 'c.o'), [folder, folder])).toBe('c.o')
  })
})

describe('ownObjects', () => {
  it('are those of the bench and the fixtures, once each', () => {
    const names = ownObjects().map((file) => basename(file))
    expect(names).toContain('balancer_large.o')
    expect(names).toContain('xorshift.o')
    expect(names).toContain('firewall.o')
    expect(names).not.toContain('firewall.v1.o')
    expect(new Set(ownObjects()).size).toBe(names.length)
  })
})
