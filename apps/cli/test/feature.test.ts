import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { skep } from './run-skep.ts'

const folder = mkdtempSync(join(tmpdir(), 'skep-feature-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

describe('skep feature', () => {
  it("answers with the keys of bpftool's feature probe", () => {
    const { status, stdout } = skep(['feature', 'probe', '--json'])
    const features = JSON.parse(stdout)
    expect(status).toBe(0)
    expect(features.program_types).toMatchObject({ have_xdp_prog_type: true })
    expect(features.map_types).toMatchObject({ have_hash_map_type: true })
    expect(features.helpers.xdp_available_helpers).toContain('bpf_redirect_map')
    expect(features.helpers.socket_filter_available_helpers).not.toContain('bpf_redirect_map')
    expect(features.kfuncs).toMatchObject({ have_bpf_rcu_read_lock_kfunc: true })
  })

  it('has the definitions of plugins, exported under whatever name', () => {
    const plugin = `{
      name: 'acme',
      helpers: [{ name: 'acme_one', id: 65537, args: [], returns: { kind: 'integer' }, programTypes: ['xdp'], call: () => 1 }],
    }`
    const path = file(
      'acme.mjs',
      `export const acme = ${plugin}\nexport default acme\nexport const other = 1`,
    )
    const { stdout } = skep(['feature', '--plugin', path])
    expect(stdout).toContain('eBPF helpers supported for program type xdp:\n\t- bpf_map_lookup_elem')
    expect(stdout.match(/\t- acme_one\n/g)).toHaveLength(1)
    expect(skep(['feature']).stdout).not.toContain('acme_one')
  })

  it('refuses what is no plugin', () => {
    for (const [args, status, text] of [
      [['--plugin', file('none.mjs', 'export const x = 1')], 1, 'no export is a plugin'],
      [['--plugin', file('broken.mjs', 'throw new Error("no luck")')], 1, 'no luck'],
      [['--plugin', join(folder, 'missing.mjs')], 1, 'no such file'],
      [['list'], 2, 'the only word here is probe'],
    ] as const) {
      const outcome = skep(['feature', ...args])
      expect([outcome.status, outcome.stdout]).toEqual([status, ''])
      expect(outcome.stderr).toContain(text)
    }
  })
})
