// usage: node node-host.mjs MODULE PROGRAM PACKETS
import { readFileSync } from 'node:fs'
import { readPackets, runPackets } from './host.mjs'

const [module, program, packets] = process.argv.slice(2)
const result = await runPackets(readFileSync(module), program, readPackets(readFileSync(packets)))
process.stdout.write(JSON.stringify(result))
