import { assemble } from '@skep/isa'
import type { CollectionSpec, Runtime } from '@skep/runtime'
import { attachHttp, HttpGate, httpRequest } from './http-request.ts'

// The context's types are those of its fields.
type Method = NonNullable<Parameters<HttpGate['decide']>[0]['method']>
const method: Method = 1
// @ts-expect-error a method is a number
const wrong: Method = 'GET'
export const unused = [wrong, httpRequest.name satisfies 'http_request']

// Routes to the first byte of the path.
const text = `
  r2 = *(u64 *)(r1 + 40)
  r3 = *(u64 *)(r1 + 48)
  r0 = 1
  r4 = r2
  r4 += 2
  if r4 > r3 goto out
  r4 = *(u8 *)(r2 + 1)
  *(u32 *)(r1 + 12) = r4
  r0 = 2
  out: exit
`

const spec = (type: string, insns: Uint8Array): CollectionSpec => ({
  programs: [
    { name: 'p', section: type, type, license: 'MIT', insns, references: [], functions: [], lines: [] },
  ],
  maps: [],
  variables: [],
  license: 'MIT',
  notes: [],
})

/** What becomes of two requests, and of a program of another type. */
export async function requests(runtime: Runtime): Promise<string> {
  const gate = new HttpGate()
  const decide = (path: string): string => {
    const [verdict, route] = gate.decide({ method }, new TextEncoder().encode(path), new Uint8Array(0))
    return `${verdict}/${route}`
  }
  const program = (await runtime.load(spec('http_request', assemble(text)))).program('p', 'http_request')
  const link = attachHttp(program, gate)
  const decided = [decide('/a'), decide('/')]
  link.close()
  const other = (await runtime.load(spec('xdp', assemble('r0 = 2\nexit')))).program('p', 'xdp')
  try {
    // @ts-expect-error an XDP program does not attach here
    attachHttp(other, gate)
  } catch (error) {
    decided.push((error as { code: string }).code)
  }
  return [...decided, decide('/a')].join(' ')
}
