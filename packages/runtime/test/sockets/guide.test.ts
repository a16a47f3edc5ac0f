import * as dgram from 'node:dgram'
import * as events from 'node:events'
import { readFile } from 'node:fs/promises'
import * as net from 'node:net'
import * as sockets from '@skep/hook-socket/node'
import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../../vitest.examples.ts'
import * as runtime from '../../src/index.ts'

const files = {
  readFile: (name: string) => readFile(new URL(`../../../hook-socket/testdata/${name}`, import.meta.url)),
}

describe('docs/guide/sockets.md', () =>
  testExamples(
    examplesOf(readPage(import.meta.url, '../../../../docs/guide/sockets.md')),
    {
      'node:dgram': dgram,
      'node:events': events,
      'node:fs/promises': files,
      'node:net': net,
      '@skep/hook-socket/node': sockets,
      '@skep/runtime': runtime,
    },
    4,
  ))
