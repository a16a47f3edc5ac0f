import { BtfBuilder, type FieldKind, parseBtf, type SpecialField, specialFields } from '@skep/btf'
import { describe, expect, it } from 'vitest'
import { fieldName, isKptr } from './fields.ts'

/** A builder with the types that map values are made of. */
class Types extends BtfBuilder {
  readonly i32: number = this.int('int', 4, { signed: true })
  readonly u64: number = this.int('unsigned long', 8)
  readonly object: number = this.struct('object', [{ name: 'a', type: this.u64 }])

  special(name: string, size: number): number {
    return this.struct(name, [{ name: 'opaque', type: this.array(this.i32, size >> 2, this.i32) }])
  }

  tagged(tag: string): number {
    return this.pointer(this.typeTag(tag, this.object))
  }

  fields(type: number): readonly SpecialField[] {
    return specialFields(parseBtf(this.build()), type)
  }

  /** The special fields of a struct with these members, as `KIND@OFFSET`. */
  of(...types: readonly number[]): string {
    const members = types.map((type, i) => ({ name: `m${i}`, type }))
    return this.fields(this.struct('value', members))
      .map(({ kind, offset }) => `${kind}@${offset}`)
      .join(' ')
  }
}

const SIZES: Readonly<Record<string, number>> = {
  bpf_spin_lock: 4,
  bpf_res_spin_lock: 4,
  bpf_timer: 16,
  bpf_wq: 16,
  bpf_task_work: 8,
  bpf_list_node: 24,
  bpf_rb_node: 32,
  bpf_refcount: 4,
}

describe('special fields', () => {
  it.each(Object.entries(SIZES))('%s is found by its name', (name, size) => {
    const b = new Types()
    const field = b.special(name as string, size as number)
    const value = b.struct('value', [
      { name: 'before', type: b.u64 },
      { name: 'field', type: field },
    ])
    expect(b.fields(value)).toEqual([{ kind: name, offset: 8, size }])
  })

  it.each([
    ['kptr_untrusted', 'kptr', 'kptr'],
    ['kptr', 'kptr_ref', 'kptr'],
    ['percpu_kptr', 'kptr_percpu', 'percpu_kptr'],
    ['uptr', 'uptr', 'uptr'],
  ])('a pointer with the tag %s is a %s', (tag, kind, name) => {
    const b = new Types()
    const value = b.struct('value', [
      { name: 'before', type: b.u64 },
      { name: 'field', type: b.tagged(tag) },
    ])
    expect(b.fields(value)).toEqual([{ kind, offset: 8, size: 8, target: b.object }])
    expect(fieldName(kind as FieldKind)).toBe(name)
    expect(isKptr(kind as FieldKind)).toBe(kind !== 'uptr')
  })

  it('other pointers are none', () => {
    const b = new Types()
    expect(b.of(b.tagged('user'), b.pointer(b.object), b.pointer(0), b.u64, b.i32)).toBe('')
    expect(isKptr('bpf_timer')).toBe(false)
    expect(fieldName('bpf_timer')).toBe('bpf_timer')
  })

  it('are found once for a type', () => {
    const b = new Types()
    const value = b.struct('value', [{ name: 'field', type: b.special('bpf_timer', 16) }])
    const other = b.struct('other', [{ name: 'field', type: b.u64 }])
    const btf = parseBtf(b.build())
    expect(specialFields(btf, value)).toBe(specialFields(btf, value))
    expect(specialFields(btf, other)).toEqual([])
  })

  it('lie in nested structs and arrays, in order of offset', () => {
    const b = new Types()
    const kptr = b.tagged('kptr')
    const pair = b.struct('pair', [
      { name: 'x', type: b.u64 },
      { name: 'p', type: kptr },
    ])
    expect(b.of(b.u64, b.array(kptr, 3, b.i32))).toBe('kptr_ref@8 kptr_ref@16 kptr_ref@24')
    expect(b.of(pair, b.array(pair, 2, b.i32))).toBe('kptr_ref@8 kptr_ref@24 kptr_ref@40')
    expect(b.of(b.array(b.array(kptr, 2, b.i32), 2, b.i32), b.array(kptr, 0, b.i32))).toBe(
      'kptr_ref@0 kptr_ref@8 kptr_ref@16 kptr_ref@24',
    )
    const turned = b.struct('turned', [
      { name: 'late', type: kptr, bitOffset: 128 },
      { name: 'early', type: kptr, bitOffset: 64 },
      { name: 'last', type: kptr, bitOffset: 192 },
    ])
    expect(b.fields(turned).map(({ offset }) => offset)).toEqual([8, 16, 24])
  })

  it('lie at most four structs deep', () => {
    const b = new Types()
    let type = b.tagged('kptr')
    for (let depth = 0; depth < 3; depth++) type = b.struct(`level${depth}`, [{ name: 'in', type }])
    expect(b.of(type)).toBe('kptr_ref@0')
    expect(b.of(b.struct('deeper', [{ name: 'in', type }]))).toBe('')
    let list = b.tagged('kptr')
    for (let depth = 0; depth < 3; depth++) list = b.array(list, 1, b.i32)
    expect(b.of(list)).toBe('kptr_ref@0')
    expect(b.of(b.array(list, 1, b.i32))).toBe('')
  })

  it('are the variables of a section', () => {
    const b = new Types()
    const timer = b.variable('timer', b.special('bpf_timer', 16), 'static')
    const kptr = b.variable('kptr', b.tagged('kptr'))
    const head = b.variable('head', b.special('bpf_list_head', 16))
    const lock = b.variable('lock', b.special('bpf_spin_lock', 4))
    const node = b.struct('object_in_list', [
      { name: 'data', type: b.u64 },
      { name: 'node', type: b.special('bpf_list_node', 24) },
    ])
    b.declTag('contains:object_in_list:node', head)
    const section = b.dataSection('.data', 64, [
      { type: lock, offset: 48, size: 4 },
      { type: timer, offset: 8, size: 16 },
      { type: kptr, offset: 24, size: 8 },
      { type: head, offset: 32, size: 16 },
    ])
    expect(b.fields(section)).toEqual([
      { kind: 'bpf_timer', offset: 8, size: 16 },
      { kind: 'kptr_ref', offset: 24, size: 8, target: b.object },
      { kind: 'bpf_list_head', offset: 32, size: 16, target: node, nodeOffset: 8 },
      { kind: 'bpf_spin_lock', offset: 48, size: 4 },
    ])
  })

  it('hold what the tag of a list says', () => {
    const b = new Types()
    const node = b.struct('holder', [
      { name: 'data', type: b.u64 },
      { name: 'node', type: b.special('bpf_rb_node', 32) },
    ])
    const root = b.special('bpf_rb_root', 16)
    const lock = b.special('bpf_spin_lock', 4)
    const list = (tag: string): SpecialField => {
      const value = b.struct('value', [
        { name: 'root', type: root },
        { name: 'lock', type: lock },
      ])
      b.declTag('other', value, 0)
      b.declTag(tag, value, 0)
      b.declTag('contains:holder:data', value, 1)
      return b.fields(value)[0]!
    }
    expect(list('contains:holder:node')).toEqual({
      kind: 'bpf_rb_root',
      offset: 0,
      size: 16,
      target: node,
      nodeOffset: 8,
    })
    const bare = { kind: 'bpf_rb_root', offset: 0, size: 16 }
    expect(list('contains:holder:none')).toEqual(bare)
    expect(list('contains:nothing:node')).toEqual(bare)
    expect(list('holder:node')).toEqual(bare)
  })

  it('count as none where they contradict each other', () => {
    const b = new Types()
    const lock = b.special('bpf_spin_lock', 4)
    const resilient = b.special('bpf_res_spin_lock', 4)
    const head = b.special('bpf_list_head', 16)
    const root = b.special('bpf_rb_root', 16)
    const listNode = b.special('bpf_list_node', 24)
    const treeNode = b.special('bpf_rb_node', 32)
    const count = b.special('bpf_refcount', 4)
    const timer = b.special('bpf_timer', 16)
    expect(b.of(lock, timer)).toBe('bpf_spin_lock@0 bpf_timer@4')
    expect(b.of(lock, lock)).toBe('')
    expect(b.of(timer, timer)).toBe('')
    expect(b.of(count, timer, count)).toBe('')
    expect(b.of(lock, resilient)).toBe('')
    expect(b.of(head)).toBe('')
    expect(b.of(root)).toBe('')
    expect(b.of(head, root)).toBe('')
    expect(b.of(head, lock)).toBe('bpf_list_head@0 bpf_spin_lock@16')
    expect(b.of(root, resilient)).toBe('bpf_rb_root@0 bpf_res_spin_lock@16')
    expect(b.of(listNode)).toBe('bpf_list_node@0')
    expect(b.of(treeNode)).toBe('bpf_rb_node@0')
    expect(b.of(listNode, listNode)).toBe('bpf_list_node@0 bpf_list_node@24')
    expect(b.of(listNode, treeNode)).toBe('')
    expect(b.of(listNode, treeNode, count)).toBe('bpf_list_node@0 bpf_rb_node@24 bpf_refcount@56')
  })

  it('are at most eleven', () => {
    const b = new Types()
    const kptr = b.tagged('kptr')
    expect(b.of(b.array(kptr, 11, b.i32)).split(' ')).toHaveLength(11)
    expect(b.of(b.array(kptr, 12, b.i32))).toBe('')
    expect(b.of(b.array(kptr, 100, b.i32))).toBe('')
    expect(b.of(b.array(b.u64, 100, b.i32), kptr)).toBe('kptr_ref@800')
  })
})
