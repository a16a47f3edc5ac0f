import { config } from '../../vitest.base.ts'

export default config
