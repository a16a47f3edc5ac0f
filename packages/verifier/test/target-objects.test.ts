import { readFileSync } from 'node:fs'
import { loadCollection, openKernel } from '@skep/linux'
import { parseElf } from '@skep/loader-elf'
import { describe, expect, it } from 'vitest'
import { createVerifier } from '../src/index.ts'
import { comparable } from './comparable.ts'
import { platform } from './platform.ts'
import { kernelBtf, missing } from './reference.ts'

// Compiled C that needs the kernel's types: verdicts and logs are the running kernel's.

/** Programs that are refused, with the line; the others are accepted. */
const REFUSED: Readonly<Record<string, string>> = {
  call_trusted_null: 'EACCES: R1 type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_',
  call_trusted_mm: 'EACCES: R1 is of type mm_struct but task_struct is expected',
  call_trusted_inside: 'EACCES: R1 is of type task_struct but task_struct is expected',
  call_trusted_far: 'EACCES: R1 is of type task_struct but task_struct is expected',
  call_trusted_context: 'EACCES: R1 type=ctx expected=ptr_, trusted_ptr_, rcu_ptr_',
  call_trusted_number: 'EACCES: R1 type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_',
  call_unchecked: "EACCES: R1 invalid mem access 'trusted_ptr_or_null_'",
  call_nonnull: 'EINVAL: arg#0 has invalid combination of tags',
  call_unknown: "ENOENT: arg#0 reference type('STRUCT no_such_struct') has no matches",
  call_number: 'EACCES: R1 is of type task_struct but int is expected',
  call_nothing: "EINVAL: arg#0 reference type('UNKNOWN (anon)') candidate matching error: -22",
  call_no_pointer: 'EINVAL: arg#0 has pointer tag, but is not a pointer type',
  call_other_tag: 'EOPNOTSUPP: arg#0 has unsupported set of tags',
  call_a_file: 'EACCES: R1 is of type task_struct but file is expected',
  call_untrusted_store: 'EACCES: R1 cannot write into rdonly_untrusted_mem',
  call_untrusted_unknown: "ENOENT: arg#0 reference type('STRUCT no_such_struct') has no matches",
  call_untrusted_nullable: 'EINVAL: arg#0 untrusted cannot be combined with any other tags',
  call_untrusted_pointer: "EINVAL: arg#0 reference type('PTR (anon)') candidate matching error: -22",
  control_set_state: 'EACCES: no write support to tcp_sock at off OFFSET',
  control_release: 'EINVAL: program of this type cannot use helper bpf_setsockopt#49',
}

describe.skipIf(missing)(`objects for the running kernel${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it.each(['params', 'congestion'])('%s', async (name) => {
    const types = kernelBtf ? { kernelBtf } : {}
    const bytes = readFileSync(new URL(`../testdata/targets/${name}.o`, import.meta.url))
    const spec = parseElf(bytes, { platform, ...types })
    const verifier = await createVerifier(platform, types)
    using kernel = await openKernel()
    using theirs = loadCollection(kernel, spec, { logLevel: 2 })
    expect(spec.programs.length).toBeGreaterThan(5)
    for (const program of spec.programs) {
      const input = { program, maps: spec.maps, ...(spec.btf ? { btf: spec.btf } : {}), logLevel: 2 }
      const ours = verifier.verify(input)
      const refusal = ours.verdict === 'accept' ? undefined : `${ours.errno}: ${ours.line}`
      const line = refusal?.replace(/off \d+$/, 'off OFFSET')
      expect({ program: program.name, line }).toEqual({ program: program.name, line: REFUSED[program.name] })
      const log = theirs.programs.get(program.name)!.log
      expect({ program: program.name, log: comparable(ours.log()) }).toEqual({
        program: program.name,
        log: comparable(log),
      })
    }
  })
})
