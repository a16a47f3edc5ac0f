import { describe, expect, it } from 'vitest'
import { renderExplanation } from '../src/explain.ts'
import { createVerifier, type Explanation, specFromRow } from '../src/index.ts'
import { type Case, rowOf } from './case.ts'
import { platform } from './platform.ts'
import * as suites from './programs/index.ts'

const verifier = await createVerifier(platform)

async function explain(test: Omit<Case, 'name'>): Promise<Explanation> {
  const verdict = verifier.verify(specFromRow(rowOf({ name: 'program', ...test }), platform))
  if (verdict.verdict === 'accept') throw new Error('accepted')
  return verdict.explain()
}

/** A path as `instruction kind: note`. */
const path = (explanation: Explanation): readonly string[] =>
  explanation.path.map((step) => `${step.insn} ${step.kind}: ${step.note}`)

const lookup = '*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr1 = map hash\ncall bpf_map_lookup_elem#1'
const bounds = 'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)'

describe('explanations', () => {
  it('say where a pointer that may be NULL came from', async () => {
    const explanation = await explain({ asm: `${lookup}\nr6 = r0\nr0 = *(u64 *)(r6 + 0)\nr0 = 0\nexit` })
    expect(explanation).toMatchObject({
      code: 'POINTER_MAYBE_NULL',
      sentence: 'r6 is a map value or NULL and is used as an address before it was compared with NULL.',
      line: "R6 invalid mem access 'map_value_or_null'",
      errno: 'EACCES',
      place: { insn: 7, text: 'r0 = *(u64 *)(r6 +0)' },
      page: 'docs/reference/refusals/POINTER_MAYBE_NULL.md',
    })
    expect(path(explanation)).toEqual([
      '5 result: r0 is what bpf_map_lookup_elem returns: a map value or NULL',
      '6 copy: r6 is a copy of r0',
      '7 failure: here it fails',
    ])
    expect(explanation.path[1]!.registers).toEqual([
      { name: 'r6', before: 'nothing', after: 'map_value_or_null(map=hash,ks=8,vs=48)' },
    ])
  })

  it('say which branch did not give the bound', async () => {
    const explanation = await explain({
      type: 'xdp',
      asm: `${lookup}\nif r0 == 0 goto out\nr9 = r0\nr6 = *(u64 *)(r9 + 0)\nif r6 s> 40 goto out\nr9 += r6\nr0 = *(u64 *)(r9 + 0)\nout:\nr0 = 0\nexit`,
    })
    expect(explanation.code).toBe('POINTER_OFFSET_UNBOUNDED')
    expect(path(explanation)).toContain('9 check: this path goes on, and learns about r6')
    expect(explanation.path.find((step) => step.insn === 9)!.registers).toContainEqual({
      name: 'r6',
      before: 'scalar()',
      after: 'scalar(smax=40)',
    })
  })

  it('follow a value through the stack', async () => {
    const explanation = await explain({
      asm: `r6 = 4096\n*(u64 *)(r10 - 16) = r6\nr6 = 0\nr7 = *(u64 *)(r10 - 16)\nr0 = *(u64 *)(r7 + 0)\nexit`,
    })
    expect(path(explanation)).toEqual([
      '0 value: r6 is set',
      '1 copy: r6 is kept on the stack',
      '3 copy: r7 comes back from the stack',
      '4 failure: here it fails',
    ])
  })

  it('follow a value into a function', async () => {
    const explanation = await explain({
      asm: 'r1 = 7\ncall target\nr0 = 0\nexit\ntarget:\nr0 = *(u64 *)(r1 + 0)\nexit',
    })
    expect(path(explanation)).toEqual([
      '0 value: r1 is set',
      '1 call: r1 goes into the function at 4',
      '4 failure: here it fails',
    ])
  })

  it('say which call lost a pointer', async () => {
    const explanation = await explain({
      type: 'xdp',
      asm: `r6 = r1\n${bounds}\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\nr7 = r2\nr1 = r6\nr2 = 4\ncall bpf_xdp_adjust_head#44\nr0 = *(u8 *)(r7 + 0)\nout:\nr0 = 2\nexit`,
    })
    expect(path(explanation)).toContain('9 lost: bpf_xdp_adjust_head leaves nothing of r7')
    expect(path(explanation)).toContain('5 check: this path goes on, and learns about r2')
  })

  it('say where a reference was acquired, and the way to the exit', async () => {
    const explanation = await explain({
      type: 'xdp',
      asm: 'r1 = map ringbuf\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve#131\nif r0 == 0 goto out\nr6 = *(u64 *)(r0 + 0)\nif r6 > 5 goto out\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit#132\nout:\nr0 = 2\nexit',
    })
    expect(explanation.code).toBe('UNRELEASED_REFERENCE')
    expect(path(explanation)).toEqual([
      '4 acquire: bpf_ringbuf_reserve is called: a ring buffer record or NULL',
      '5 turn: this path goes on',
      '7 turn: this path takes the jump',
      '12 failure: here it fails',
    ])
  })

  it('show the last round of a loop', async () => {
    const explanation = await explain({
      asm: 'r1 = 0\nr2 = r10\nr2 += -16\ntop:\n*(u8 *)(r2 + 0) = 0\nr2 += 1\nr1 += 1\nif r1 != 17 goto top\nr0 = 0\nexit',
    })
    const step = explanation.path.find((s) => s.insn === 4)!
    expect(step.registers).toEqual([{ name: 'r2', before: 'fp-1', after: 'fp0' }])
  })

  it('name the busiest branches of what is too long', async () => {
    const small = await createVerifier(platform, { complexityLimit: 500 })
    const row = rowOf({ name: 'long', asm: 'r0 = 0\ntop:\nr0 += 1\nif r0 < 100000 goto top\nexit' })
    const verdict = small.verify(specFromRow(row, platform))
    if (verdict.verdict === 'accept') throw new Error('accepted')
    expect(verdict.code).toBe('TOO_MANY_INSTRUCTIONS')
    expect((await verdict.explain()).path.map((step) => step.insn)).toEqual([2])
  })

  it('have a place and no path before the walk', async () => {
    const explanation = await explain({ asm: 'r0 = 0\nexit\nr0 = 1\nexit' })
    expect(explanation.place).toEqual({ insn: 2, text: 'r0 = 1' })
    expect(explanation.path).toEqual([])
  })

  it('are for every refusal of the test programs, and end where it fails', async () => {
    for (const test of Object.values(suites).flat()) {
      if (test.reject === undefined) continue
      const explanation = await explain(test)
      expect(explanation.code, test.reject).not.toBe('UNCLASSIFIED')
      expect(explanation.sentence, test.reject).not.toMatch(/[{}]|undefined/)
      expect(explanation.mend.length, explanation.code).toBeGreaterThan(0)
      if (explanation.path.length > 0 && explanation.code !== 'TOO_MANY_INSTRUCTIONS') {
        expect(explanation.path.at(-1)!.kind).toBe('failure')
      }
      expect(renderExplanation(explanation)).toContain(explanation.line)
    }
  })
})

describe('renderExplanation', () => {
  it('writes source lines, states and hints', async () => {
    const row = rowOf({ name: 'program', asm: `${lookup}\nr0 = *(u64 *)(r0 + 0)\nr0 = 0\nexit` })
    const input = specFromRow(row, platform)
    const lines = [
      {
        insn: 0,
        file: '/src/count.bpf.c',
        line: 9,
        column: 3,
        text: '\tlong *n = bpf_map_lookup_elem(&hash, &key);',
      },
      { insn: 6, file: '/src/count.bpf.c', line: 10, column: 10, text: '\treturn *n;' },
    ]
    const verdict = verifier.verify({ ...input, program: { ...input.program, lines } })
    if (verdict.verdict === 'accept') throw new Error('accepted')
    const text = renderExplanation(await verdict.explain(), { error: (it) => `<${it}>` })
    expect(
      text,
    ).toBe(`<POINTER_MAYBE_NULL:> r0 is a map value or NULL and is used as an address before it was compared with NULL.
  at count.bpf.c:10:10, instruction 6

    10 | return *n;
       6: r0 = *(u64 *)(r0 +0)
          r0 = map_value_or_null(map=hash,ks=8,vs=48)
      <^ R0 invalid mem access 'map_value_or_null'> (EACCES)

How it came to this
     9 | long *n = bpf_map_lookup_elem(&hash, &key);
       5: call bpf_map_lookup_elem#1  ; r0 is what bpf_map_lookup_elem returns: a map value or NULL
          r0 = map_value_or_null(map=hash,ks=8,vs=48)

What usually mends it
  - Compare the pointer with NULL first: \`if (!value) return 0;\`.

More: docs/reference/refusals/POINTER_MAYBE_NULL.md
`)
  })
})
