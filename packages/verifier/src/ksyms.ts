import { BTF_KIND } from '@skep/btf'
import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { KERNEL_BTF, type KernelTypes } from './kernel-btf.ts'
import { REG_AUX0, REG_AUX1 } from './layout.ts'
import { MEM_PERCPU, MEM_RDONLY, PTR_TO_BTF_ID, PTR_TO_MEM } from './reg-type.ts'
import { markPointer, markUnknown } from './regs.ts'

const PERCPU_SECTION = '.data..percpu'

/** What an ld_imm64 of a symbol of the kernel gives. */
export interface KernelSymbol {
  /** Kind of pointer; undefined for an address, which is a number. */
  readonly type: number | undefined
  /** Type id of a pointer to BTF. */
  readonly id: number
  /** Bytes of memory. */
  readonly size: number
}

const ADDRESS: KernelSymbol = { type: undefined, id: 0, size: 0 }

/** Has the name an address, as far as is known? */
const isKnown = (env: Env, name: string): boolean => env.symbols()?.has(name) ?? true

/** The names that the text of /proc/kallsyms gives addresses to. */
export function parseKallsyms(text: string): ReadonlySet<string> {
  const names = new Set<string>()
  for (const line of text.split('\n')) {
    const name = line.split(/[ \t]/)[2]
    if (name) names.add(name)
  }
  return names
}

/** Functions without an address are refused, where it is known which have one. */
export function checkAddress(env: Env, name: string): void {
  if (!isKnown(env, name)) fail('ENOENT', `The address of function ${name} cannot be found`)
}

/** An extern of no type is a number: 0 where it is weak and not there, which loaders write in. */
export function resolveAddress(env: Env, i: number): void {
  const reference = env.program.references.get(i)
  if (reference?.kind !== 'ksym') return
  if (reference.weak && !isKnown(env, reference.name)) return
  env.program.symbols.set(i, ADDRESS)
}

/** check_pseudo_btf_id: a variable or function of the kernel. */
export function resolveKernelSymbol(env: Env, i: number): void {
  const { kernel, program: p } = env
  const reference = p.references.get(i)
  const named = reference?.kind === 'ksym' ? reference : undefined
  if (!kernel) {
    if (named) fail('ENOENT', `ldimm64 failed to find the address for kernel symbol '${named.name}'.`)
    fail('ENOENT', `ldimm64 insn specifies invalid btf_id ${p.imm[i]}.`)
  }
  if (!named && p.imm[i + 1]) fail('EINVAL', 'invalid module BTF object FD specified.')
  const id = named ? findSymbol(kernel, named.name) : p.imm[i]!
  if (id === undefined) {
    // Loaders write 0 for what is weak and not there.
    if (named?.weak) p.src[i] = 0
    else fail('ENOENT', `ldimm64 failed to find the address for kernel symbol '${named?.name}'.`)
    return
  }
  const { btf } = kernel
  if (!btf.has(id)) fail('ENOENT', `ldimm64 insn specifies invalid btf_id ${id}.`)
  const kind = btf.kind(id)
  if (kind !== BTF_KIND.VAR && kind !== BTF_KIND.FUNC) {
    fail('EINVAL', `pseudo btf_id ${id} in ldimm64 isn't KIND_VAR or KIND_FUNC`)
  }
  const name = btf.name(id)
  if (!isKnown(env, name)) {
    fail('ENOENT', `ldimm64 failed to find the address for kernel symbol '${name}'.`)
  }
  p.symbols.set(i, kind === BTF_KIND.FUNC ? memory(0) : variable(kernel, id))
}

const memory = (size: number): KernelSymbol => ({ type: PTR_TO_MEM | MEM_RDONLY, id: 0, size })

const findSymbol = ({ btf }: KernelTypes, name: string): number | undefined =>
  btf.findByName(BTF_KIND.VAR, name) ?? btf.findByName(BTF_KIND.FUNC, name)

function variable(kernel: KernelTypes, id: number): KernelSymbol {
  const { btf } = kernel
  const type = btf.target(id)
  const section = btf.findByName(BTF_KIND.DATASEC, PERCPU_SECTION)
  if (section !== undefined && btf.sectionVariables(section).some((v) => v.type === id)) {
    return { type: PTR_TO_BTF_ID | MEM_PERCPU, id: type, size: 0 }
  }
  const resolved = btf.resolve(type)
  if (btf.isComposite(resolved)) return { type: PTR_TO_BTF_ID, id: type, size: 0 }
  const size = btf.size(resolved)
  if (size === undefined) {
    fail('EINVAL', `ldimm64 unable to resolve the size of type '${btf.name(resolved)}': -22`)
  }
  return memory(size)
}

/** The part of check_ld_imm that is about symbols of the kernel. */
export function loadKernelSymbol(env: Env, reg: number, symbol: KernelSymbol): void {
  if (symbol.type === undefined) {
    markUnknown(env, reg)
    return
  }
  markPointer(env, reg, symbol.type)
  const { i32 } = env.heap
  i32[(reg + REG_AUX0) >> 2] = symbol.id ? KERNEL_BTF : symbol.size
  i32[(reg + REG_AUX1) >> 2] = symbol.id
}
