import { config } from '../../vitest.base.ts'

// For kernel.test.ts, in whose system calls the kernel waits: the processes that run tests inherit it.
process.env['UV_THREADPOOL_SIZE'] ??= '32'

export default config
