import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { escapeBeyondLatin1 } from './latin1.mjs'
import { writeNotices } from './notices.mjs'

const work = mkdtempSync(join(tmpdir(), 'skep-notices-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** A file of a package, as a bundle has it. */
function input(name, bytesInOutput, licence) {
  const home = join(work, 'node_modules', name)
  mkdirSync(home, { recursive: true })
  if (licence) writeFileSync(join(home, licence), `of ${name}`)
  return [join(home, 'index.js'), { bytesInOutput }]
}

describe('writeNotices', () => {
  const write = (...inputs) => {
    const folder = mkdtempSync(join(work, 'dist-'))
    writeNotices({ 'dist/main.js': { inputs: Object.fromEntries(inputs) } }, folder)
    return Object.fromEntries(
      readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
    )
  }

  it('copies the licences of what is in the bundle', () => {
    expect(
      write(input('one', 5, 'LICENSE'), input('@a/two', 1, 'licence.md'), input('three', 0), [
        join(work, 'src/own.js'),
        { bytesInOutput: 7 },
      ]),
    ).toEqual({ 'NOTICE-one': 'of one', 'NOTICE-@a-two': 'of @a/two' })
  })

  it('refuses a package without one', () => {
    expect(() => write(input('four', 1))).toThrow('four is in the bundle and has no licence file')
  })
})

describe('escapeBeyondLatin1', () => {
  it('leaves no character above 255', () => {
    const file = join(work, 'text.js')
    writeFileSync(file, "export default 'é…𝄞'")
    escapeBeyondLatin1(file)
    expect(readFileSync(file, 'utf8')).toBe("export default 'é\\u2026\\ud834\\udd1e'")
  })
})
