import { expect, it } from 'vitest'
import { createScalarDomainSync } from './index.ts'
import { randomProgram } from './random-programs.ts'

// The states that Linux 6.18.44 printed for these programs, as one number: seeds 1 to 1000 of kernel.test.ts, which tells
// the first difference. A change of the domain that changes it must hold against the kernel first:
// SCALAR_PROGRAMS=1000 npx vitest run src/scalar/kernel.test.ts
const printedByLinux = 0xf94f9bf1

it('predicts the states that the kernel printed', () => {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const domain = createScalarDomainSync(memory)
  let digest = 0x811c9dc5
  const add = (byte: number): void => {
    digest = Math.imul(digest ^ byte, 0x01000193)
  }
  for (let seed = 1; seed <= 1000; seed++) {
    const { insns, expected } = randomProgram(domain, memory, seed)
    for (const insn of insns) insn.forEach(add)
    for (const { reg, text } of expected) {
      add(reg)
      for (let i = 0; i < text.length; i++) add(text.charCodeAt(i))
    }
  }
  expect(digest >>> 0).toBe(printedByLinux)
})
