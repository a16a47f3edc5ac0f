import { createPlatform, type PluginDef } from '@skep/registry'
import { checkOptions } from '../check-options.ts'
import { RuntimeError } from '../errors.ts'
import { checkPlugins } from './fingerprint.ts'
import { SHARED_FORMAT, type SharedRuntime } from './shared.ts'
import { badHandle, WorkerRuntime } from './worker-runtime.ts'

/**
 * Joins the runtime that a handle is of, as the CPU that it names, and opens the collections that were loaded when it was
 * made. `plugins` must define what those of the runtime define. Throws RuntimeError PLUGIN_MISMATCH, TAKEN, STALE, CLOSED
 * and BAD_OPTION.
 */
export async function joinRuntime(
  handle: SharedRuntime,
  { plugins }: { readonly plugins: readonly PluginDef[] },
): Promise<WorkerRuntime> {
  checkOptions(plugins, {})
  if (handle?.format !== SHARED_FORMAT || !(handle.memory instanceof WebAssembly.Memory)) {
    throw badHandle('runtime.share()')
  }
  const platform = createPlatform(plugins)
  checkPlugins(handle.plugins, plugins)
  const runtime = new WorkerRuntime(handle, platform)
  try {
    for (const collection of handle.collections) await runtime.open(collection)
  } catch (error) {
    runtime.close()
    throw error
  }
  runtime.announce()
  if (runtime.closed) throw new RuntimeError('CLOSED', 'runtime', 'the runtime was closed; make a new one')
  return runtime
}
