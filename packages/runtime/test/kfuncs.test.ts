import { access, readFile } from 'node:fs/promises'
import { assemble } from '@skep/isa'
import { defineKfunc } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { arg, createRuntime, definePlugin, type ProgramSpec, ret } from '../src/index.ts'
import { engines, packet, program as plain, spec } from './hostile-tools.ts'

// Functions that programs call by name: a plugin's own, and the kernel's that run here.

const PSEUDO_KFUNC_CALL = 2

/** `kcall NAME` calls a function by name. */
function program(text: string): ProgramSpec {
  const names: string[] = []
  const insns = assemble(text.replace(/kcall (\w+)/g, (_, name) => `call ${names.push(name)}`))
  const references: ProgramSpec['references'][number][] = []
  for (let at = 0; at < insns.length; at += 8) {
    if (insns[at] !== 0x85) continue
    insns[at + 1]! |= PSEUDO_KFUNC_CALL << 4
    references.push({ insn: at >> 3, kind: 'kfunc', name: names[references.length]! })
    insns.fill(0, at + 4, at + 8)
  }
  return { ...plain('r0 = 0\nexit'), insns, references }
}

const acme = definePlugin({
  name: 'acme',
  kfuncs: [
    defineKfunc({
      name: 'acme_scale',
      args: [arg.u32(), arg.mem({ access: 'read' }), arg.size()],
      returns: ret.scalar(),
      programTypes: ['xdp'],
      call: (factor, bytes) => factor * bytes.reduce((sum, byte) => sum + byte, 0),
    }),
  ],
})

const kernelBtf = await access('/sys/kernel/btf/vmlinux').then(
  () => readFile('/sys/kernel/btf/vmlinux'),
  () => undefined,
)

describe.each(engines)('functions called by name on %s', (engine) => {
  const run = async (text: string, options: object = {}) => {
    using runtime = await createRuntime({ engine, plugins: [acme], ...options })
    const collection = await runtime.load(spec([program(text)]))
    return collection.program('p', 'xdp').testRun({ data: packet }).retval
  }

  it("a plugin's", async () => {
    const text = '*(u32 *)(r10 - 4) = 0x01020304\nr1 = 3\nr2 = r10\nr2 += -4\nr3 = 4\nkcall acme_scale\nexit'
    expect(await run(text)).toBe(30)
    await expect(run('r1 = 3\nr2 = 0\nr3 = 4\nkcall acme_scale\nexit')).rejects.toThrow(
      /R2 type=scalar expected=/,
    )
  })

  it("the kernel's iterators over numbers, in a section", async () => {
    const text = `kcall bpf_rcu_read_lock
r1 = r10\nr1 += -8\nr2 = -3\nr3 = 5\nkcall bpf_iter_num_new
r6 = 0
next:
r1 = r10\nr1 += -8\nkcall bpf_iter_num_next
if r0 == 0 goto done
r1 = *(s32 *)(r0 + 0)
r6 += r1
goto next
done:
r1 = r10\nr1 += -8\nkcall bpf_iter_num_destroy
kcall bpf_rcu_read_unlock
r0 = r6\nexit`
    expect(await run(text)).toBe(4)
    if (kernelBtf) expect(await run(text, { kernelBtf })).toBe(4)
  })

  it('is refused by name where nothing runs it', async ({ skip }) => {
    if (!kernelBtf) skip('there is no /sys/kernel/btf/vmlinux')
    const text =
      'r1 = 1\nkcall bpf_task_from_pid\nif r0 == 0 goto out\nr1 = r0\nkcall bpf_task_release\nout:\nr0 = 2\nexit'
    await expect(run(text, { kernelBtf })).rejects.toMatchObject({
      code: 'ABSENT',
      message: expect.stringContaining('kfunc bpf_task_from_pid is known to the verifier'),
    })
  })
})
