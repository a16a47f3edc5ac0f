/**
 * Local storage maps in the arena: elements by the address of their owner. Byte offsets in the map's header, behind what a
 * hash keeps there. Plain numbers, so that AssemblyScript imports this file too.
 */

/** u32: address of value_size zeros: what an element begins with when its program gives no value. */
export const STORAGE_ZEROS = 240

/** Flag of bpf_*_storage_get. */
export const BPF_LOCAL_STORAGE_GET_F_CREATE = 1
