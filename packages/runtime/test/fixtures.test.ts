import { readdirSync, readFileSync } from 'node:fs'
import {
  decisiveLine,
  isKernelAvailable,
  type KernelCollection,
  loadCollection,
  openKernel,
} from '@skep/linux'
import { parseCapture } from '@skep/packet'
import type { CollectionSpec } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { type Collection, createRuntime, parseObject, type Runtime } from '../src/index.ts'

// Every fixture object: the same verdict as the running kernel's, and for accepted programs the same return value and
// packet from interpreter, JIT and the kernel's test run, over every packet of the capture.

const testdata = new URL('../../../apps/cli/testdata/', import.meta.url)
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, testdata)))
const objects = readdirSync(testdata).filter((f) => f.endsWith('.o'))
/** BPF_PROG_TEST_RUN takes one page of linear data from programs without frags support. */
const MOST_LINEAR = 3520

const available = await isKernelAvailable()
const kernel = available.ok ? await openKernel() : undefined
// Per-CPU maps keep state from run to run; on another CPU the kernel's would begin anew.
kernel?.pin(0)
const reason = available.ok ? '' : ` (skipped: ${available.reason})`
const packets = [...parseCapture(read('traffic.pcap'))].map((p) => p.data.slice())

async function loadOn(
  engine: string,
  spec: CollectionSpec,
): Promise<{ runtime: Runtime; collection: Collection }> {
  const runtime = await createRuntime({ engine })
  return { runtime, collection: await runtime.load(spec) }
}

/** Verdict and decisive line of each program. */
function kernelVerdicts(loaded: KernelCollection): Record<string, string> {
  return Object.fromEntries(
    [...loaded.programs].map(([name, p]) => [name, p.ok ? 'accept' : `${p.errno} ${decisiveLine(p.log)}`]),
  )
}

describe.skipIf(!kernel)(`fixture objects against the running kernel${reason}`, () => {
  it.each(objects)('%s', async (file) => {
    const runtime = await createRuntime()
    const spec = parseObject(read(file), runtime.platform)
    const ours = Object.fromEntries(
      runtime
        .verify(spec)
        .map(({ program, verdict: v }) => [
          program.name,
          v.verdict === 'accept' ? 'accept' : `${v.errno} ${v.line}`,
        ]),
    )
    using theirs = loadCollection(kernel!, spec)
    expect(ours).toEqual(kernelVerdicts(theirs))
    runtime.close()
    if (Object.values(ours).some((v) => v !== 'accept')) return

    const engines = [await loadOn('interpreter', spec), await loadOn('jit', spec)]
    for (const { name } of spec.programs) {
      const reference = theirs.programs.get(name)!
      if (!reference.ok) throw new Error('accepted above')
      const differing: string[] = []
      for (const [index, data] of packets.entries()) {
        if (data.length > MOST_LINEAR) continue
        const want = reference.testRun({ dataIn: data, dataOutSize: data.length + 512 })
        const got = engines.map((e) => e.collection.program(name).testRun({ data }))
        for (const [i, g] of got.entries()) {
          const same = g.retval === want.retval && Buffer.compare(g.data!, want.dataOut) === 0
          if (!same)
            differing.push(
              `packet ${index}, ${i === 0 ? 'interpreter' : 'jit'}: ${g.retval} for ${want.retval}`,
            )
        }
      }
      expect(differing.slice(0, 5), name).toEqual([])
    }
    for (const e of engines) e.runtime.close()
  })
})
