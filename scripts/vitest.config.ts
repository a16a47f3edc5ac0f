import { mergeConfig } from 'vitest/config'
import { config } from '../vitest.base.ts'

const scripts: typeof config = mergeConfig(config, { test: { include: ['scripts/**/*.test.mjs'] } })

export default scripts
