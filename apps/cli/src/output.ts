import Table from 'cli-table3'

const plain = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

export interface Column {
  readonly name: string
  readonly align?: 'left' | 'right'
}

/** A table of text: ruled on a terminal, columns parted by spaces when piped. */
export function table(columns: readonly Column[], rows: readonly (readonly (string | number)[])[]): string {
  const tty = process.stdout.isTTY === true
  const t = new Table({
    head: columns.map((c) => c.name),
    colAligns: columns.map((c) => c.align ?? 'left'),
    style: {
      head: [],
      border: tty ? ['gray'] : [],
      ...(tty ? {} : { 'padding-left': 0, 'padding-right': 0 }),
    },
    ...(tty ? {} : { chars: plain }),
  })
  for (const row of rows) t.push(row.map(String))
  return t
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

export const printJson = (value: unknown): void => print(JSON.stringify(value, jsonValue, 2))

/** Numbers of 64 bits as decimal text, bytes as hex. */
export function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return toHex(value)
  return value
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
