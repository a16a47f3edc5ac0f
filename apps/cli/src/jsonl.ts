import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { errorAsJson } from './report.ts'

/**
 * Answers one JSON object a line for each line of input, in order, and never stops at a bad one: a line that is not
 * JSON, or that `answer` throws on, gets an answer with `error`.
 */
export async function answerLines(
  answer: (row: Record<string, unknown>) => object | Promise<object>,
  input: Readable = process.stdin,
  output: Writable = process.stdout,
): Promise<void> {
  let number = 0
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (line.trim() === '') continue
    const text = JSON.stringify(await answerLine(line, number, answer))
    if (!output.write(`${text}\n`)) await once(output, 'drain')
  }
}

async function answerLine(
  line: string,
  number: number,
  answer: (row: Record<string, unknown>) => object | Promise<object>,
): Promise<object> {
  let row: unknown
  try {
    row = JSON.parse(line)
  } catch (error) {
    return { error: { code: 'BAD_JSON', message: `line ${number}: ${(error as Error).message}` } }
  }
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    return { error: { code: 'BAD_ROW', message: `line ${number}: expected a JSON object` } }
  }
  const name = (row as { name?: unknown }).name
  try {
    return await answer(row as Record<string, unknown>)
  } catch (error) {
    return { ...(name === undefined ? {} : { name }), error: errorAsJson(error) }
  }
}
