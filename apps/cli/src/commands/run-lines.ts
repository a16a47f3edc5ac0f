import type { CollectionSpec } from '@skep/registry'
import { createRuntime, type Runtime } from '@skep/runtime'
import { specFromRow } from '@skep/verifier'
import { answerLines } from '../jsonl.ts'
import { toHex } from '../output.ts'
import { checkRow } from '../row-schema.ts'
import { kernelTypes, targetKernel } from '../target-kernel.ts'

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

/** What BPF_PROG_TEST_RUN needs at least for types that run over a packet. */
const LEAST_DATA = 14

async function answer(runtime: Runtime, value: unknown): Promise<object> {
  const row = checkRow(value)
  const input = specFromRow(row, runtime.platform)
  const spec: CollectionSpec = {
    programs: [input.program],
    maps: input.maps,
    variables: [],
    ...(input.btf ? { btf: input.btf } : {}),
    license: input.program.license,
    notes: [],
  }
  const given = bytes(row.data ?? '')
  const data = given.length === 0 && row.ctx === undefined ? new Uint8Array(LEAST_DATA) : given
  const collection = await runtime.load(spec, { unprivileged: row.unprivileged ?? false })
  try {
    const result = collection.program().testRun({
      data,
      ...(row.ctx === undefined ? {} : { ctx: bytes(row.ctx) }),
      repeat: row.repeat ?? 1,
    })
    return {
      name: row.name,
      retval: result.retval,
      ...(result.data ? { data_out: toHex(result.data) } : {}),
      ...(result.ctx ? { ctx_out: toHex(result.ctx) } : {}),
    }
  } finally {
    collection.close()
  }
}

/** `skep run --jsonl`: programs as data, run as BPF_PROG_TEST_RUN does. */
export async function runLines(engine: string): Promise<void> {
  const runtime = await createRuntime({ engine, ...kernelTypes(await targetKernel()) })
  try {
    await answerLines((row) => answer(runtime, row))
  } finally {
    runtime.close()
  }
}
