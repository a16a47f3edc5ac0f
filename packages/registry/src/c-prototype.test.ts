import { describe, expect, it } from 'vitest'
import { parsePrototype } from './c-prototype.ts'

const int = { base: 'int', kind: 'integer', pointers: 0 }

describe('parsePrototype', () => {
  it.each([
    ['void f(void)', { name: 'f', returns: { base: 'void', kind: 'void', pointers: 0 }, params: [] }],
    ['int f()', { name: 'f', returns: int, params: [] }],
    [
      'struct node *f(const struct list *head, u64 n)',
      {
        name: 'f',
        returns: { base: 'node', kind: 'struct', pointers: 1 },
        params: [
          { name: 'head', type: { base: 'list', kind: 'struct', pointers: 1 } },
          { name: 'n', type: { base: 'u64', kind: 'integer', pointers: 0 } },
        ],
      },
    ],
    [
      'int f(unsigned  long *flags, void **p, bool (*less)(struct a *a, const struct a *b), unsigned int n)',
      {
        name: 'f',
        returns: int,
        params: [
          { name: 'flags', type: { base: 'unsigned long', kind: 'integer', pointers: 1 } },
          { name: 'p', type: { base: 'void', kind: 'void', pointers: 2 } },
          { name: 'less', type: { base: 'function', kind: 'function', pointers: 1 } },
          { name: 'n', type: { base: 'unsigned int', kind: 'integer', pointers: 0 } },
        ],
      },
    ],
  ])('%s', (text, prototype) => {
    expect(parsePrototype(text)).toEqual(prototype)
  })

  it.each([
    '',
    'int',
    'int f',
    'int f(',
    'f(int a)',
    'int f(int)',
    'int f(void a)',
    'float f(int a)',
    'int f(enum e a)',
  ])('nothing of %j', (text) => {
    expect(parsePrototype(text)).toBeUndefined()
  })
})
