import type { Arena } from '@skep/memory'
import { RUN_HEADER_SIZE } from '../layout/control.ts'
import type { TestRunContext, TestRunInput } from '../program-type.ts'
import { TestRunError } from '../test-run-error.ts'

/**
 * A test run whose context is the bytes given, and nothing else: `size` bytes, or as many as are given. With `returned`
 * the context comes back as the program left it. Throws TestRunError for a packet or a context that is too long.
 */
export function plainTestRun(
  arena: Arena,
  { data, ctx = new Uint8Array(0) }: TestRunInput,
  options: { readonly limit: number; readonly size?: number; readonly returned: boolean },
): TestRunContext {
  if (data.length > 0) throw new TestRunError('EINVAL', 'data', 'this program type runs without a packet')
  if (ctx.length > options.limit) {
    throw new TestRunError('EINVAL', 'ctx', `${ctx.length} bytes are more than ${options.limit}`)
  }
  const block = arena.alloc(RUN_HEADER_SIZE + Math.max(options.size ?? ctx.length, 1), 64)
  const address = block + RUN_HEADER_SIZE
  arena.u8.set(ctx, address)
  return {
    address,
    finish: () => (options.returned ? { ctx: arena.u8.slice(address, address + ctx.length) } : {}),
    release: () => arena.free(block),
  }
}
