// Two workers and this thread on one memory, mixed work on maps of every kind for as long as asked; then workers that are
// ended in the middle of it. In the end everything must add up.
// usage: node scripts/load.mjs [--seconds N | --minutes N] [--kills N] [--seed N] [--json]
import { parseArgs } from 'node:util'
import { testKills } from './kills.ts'
import { testLoad } from './load.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    minutes: { type: 'string' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const number = (name: 'seconds' | 'minutes' | 'kills' | 'seed'): number | undefined => {
  const text = values[name]
  if (text === undefined) return undefined
  const value = Number(text)
  if (text !== '' && value >= 0) return value
  console.error(`load: --${name} is ${JSON.stringify(text)}; give a number from 0 on`)
  process.exit(2)
}

const seconds = number('seconds') ?? (number('minutes') ?? 10) * 60
const seed = number('seed')!
const say = values.json ? () => {} : (text: string): void => console.log(text)

const load = await testLoad({ seconds, seed, say })
const kills = await testKills({ kills: number('kills')!, seed, say })
const wrong = [...load.wrong, ...kills.wrong]
if (values.json) console.log(JSON.stringify({ seed, load, kills }))
for (const fact of wrong) console.error(`load: ${fact}`)
say(wrong.length === 0 ? 'everything adds up' : `${wrong.length} things do not add up`)
process.exit(wrong.length === 0 ? 0 : 1)
