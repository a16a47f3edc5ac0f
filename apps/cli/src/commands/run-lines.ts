import type { CollectionSpec } from '@skep/registry'
import { createRuntime, type Runtime } from '@skep/runtime'
import { specFromRow } from '@skep/verifier'
import { answerLines } from '../jsonl.ts'
import { toHex } from '../output.ts'
import { RefusedError } from '../report.ts'

const hexBytes = (value: unknown, field: string): Uint8Array => {
  if (value === undefined) return new Uint8Array(0)
  if (typeof value !== 'string' || value.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(value)) {
    throw new RefusedError('BAD_ROW', `${field}: expected an even number of hex digits`)
  }
  return Uint8Array.from(Buffer.from(value, 'hex'))
}

/** BPF_PROG_TEST_RUN's default when no input is given, for types that need a packet. */
const LEAST_DATA = 14

async function answer(runtime: Runtime, row: Record<string, unknown>): Promise<object> {
  const input = specFromRow(row, runtime.platform)
  const spec: CollectionSpec = {
    programs: [input.program],
    maps: input.maps,
    variables: [],
    ...(input.btf ? { btf: input.btf } : {}),
    license: input.program.license,
    notes: [],
  }
  const given = hexBytes(row['data'], 'data')
  const data = given.length === 0 && row['ctx'] === undefined ? new Uint8Array(LEAST_DATA) : given
  const repeat = row['repeat'] ?? 1
  if (!Number.isInteger(repeat) || (repeat as number) < 1 || (repeat as number) > 1_000_000) {
    throw new RefusedError('BAD_ROW', 'repeat: expected a whole number from 1 to 1000000')
  }
  const collection = await runtime.load(spec)
  try {
    const program = collection.program()
    const result = program.testRun({
      data,
      ...(row['ctx'] === undefined ? {} : { ctx: hexBytes(row['ctx'], 'ctx') }),
      repeat: repeat as number,
    })
    return {
      name: row['name'],
      retval: result.retval,
      ...(result.data ? { data_out: toHex(result.data) } : {}),
      ...(result.ctx ? { ctx_out: toHex(result.ctx) } : {}),
    }
  } finally {
    collection.close()
  }
}

/** `skep run --jsonl`: programs as data, run as BPF_PROG_TEST_RUN does. */
export async function runLines(engine: string, kernelBtf: Uint8Array | undefined): Promise<void> {
  const runtime = await createRuntime({ engine, ...(kernelBtf ? { kernelBtf } : {}) })
  try {
    await answerLines((row) => answer(runtime, row))
  } finally {
    runtime.close()
  }
}
