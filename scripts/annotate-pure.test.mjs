import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { annotatePure } from './annotate-pure.mjs'

const evaluate = (text) => import(`data:text/javascript,${encodeURIComponent(text)}`)

const module = `
import { sep } from 'node:path'
var table = new Map(Object.entries({ a: 1, b: 2 })), plain = 3, text = \`\${table.size} \${sep}\`
var double = (n) => n * table.get('b'), List = class extends Array { made = table.size }
var sum = [...table.values()].reduce((one, other) => one + other, double(plain))
export { table, plain, text, double, List, sum }
`

describe('annotatePure', () => {
  it('changes no value', async () => {
    const [plain, annotated] = [await evaluate(module), await evaluate(annotatePure(module))]
    for (const name of ['plain', 'text', 'sum']) expect(annotated[name]).toBe(plain[name])
    expect([...annotated.table]).toEqual([...plain.table])
    expect(new annotated.List().made).toBe(2)
    expect(annotated.List.name).toBe('List')
  })

  it('lets a bundler leave out what is not used', async () => {
    const bundled = async (contents) => {
      const stdin = { contents: `${contents}\nexport const used = 1` }
      const { outputFiles } = await build({
        stdin: { contents: `import { used } from 'module'\nconsole.log(used)` },
        bundle: true,
        write: false,
        format: 'esm',
        external: ['node:path'],
        plugins: [
          {
            name: 'module',
            setup({ onLoad, onResolve }) {
              onResolve({ filter: /^module$/ }, () => ({ path: 'module', namespace: 'test' }))
              onLoad({ filter: /.*/, namespace: 'test' }, () => stdin)
            },
          },
        ],
      })
      return outputFiles[0].text
    }
    expect(await bundled(module)).toContain('new Map(Object.entries')
    expect(await bundled(annotatePure(module))).not.toContain('Map(')
  })
})
