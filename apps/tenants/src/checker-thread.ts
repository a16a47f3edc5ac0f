import { parentPort, workerData } from 'node:worker_threads'
import { parseElf } from '@skep/runtime'
import { createRuntime } from '@skep/runtime/core'
import { type Acceptance, createVerifier } from '@skep/verifier'
import { renderExplanation } from '@skep/verifier/explain'
import {
  type CheckAnswer,
  type CheckedObject,
  type CheckRequest,
  type Refusal,
  refusalOf,
} from './checked-program.ts'
import { tenantPlugins } from './platform.ts'

// Reads and verifies what tenants upload, in a thread of its own: no request waits for it, and one that takes too long is ended
// with the thread.

const { complexity } = workerData as { complexity: number }
const runtime = await createRuntime({
  plugins: tenantPlugins(0n),
  verifier: (platform, options) => createVerifier(platform, { ...options, complexityLimit: complexity }),
})

/** Bytes of a key or value: one call of a helper copies or hashes that much. */
const WIDEST = 4096
/** Characters of an explanation that are handed on. */
const LONGEST = 8192

const refuse = (code: string, text: string): { refusal: Refusal } => ({ refusal: { code, text } })

async function check(object: Uint8Array): Promise<{ checked: CheckedObject } | { refusal: Refusal }> {
  const spec = parseElf(object, { platform: runtime.platform })
  const other = spec.programs.find(({ type }) => type !== 'http_request')
  if (other)
    return refuse(
      'WRONG_PROGRAM_TYPE',
      `program ${other.name} is in SEC("${other.section}"); put it into SEC("http")`,
    )
  if (!spec.programs.some(({ section }) => section === 'http'))
    return refuse('NO_PROGRAM', 'no program in SEC("http"): that is the one that requests go to')
  const wide = spec.maps.find(({ keySize, valueSize }) => keySize > WIDEST || valueSize > WIDEST)
  if (wide) return refuse('WIDE_MAP', `map ${wide.name}: keys and values have ${WIDEST} bytes at most`)
  const accepted: [string, Acceptance][] = []
  for (const { program, verdict } of runtime.verify(spec)) {
    if (verdict.verdict === 'reject') {
      const text = renderExplanation(await verdict.explain()).slice(0, LONGEST)
      return refuse(verdict.code, `program ${program.name} is refused\n${text}`)
    }
    accepted.push([program.name, verdict])
  }
  return {
    checked: {
      spec,
      facts: Object.fromEntries(accepted.map(([name, { facts }]) => [name, facts])),
      processed: accepted.reduce((sum, [, { processed }]) => sum + processed, 0),
    },
  }
}

parentPort!.on('message', async ({ id, object }: CheckRequest) => {
  const answer: CheckAnswer = {
    id,
    ...(await check(object).catch((error) => ({ refusal: refusalOf(error) }))),
  }
  parentPort!.postMessage(answer)
})
