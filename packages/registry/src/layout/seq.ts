/**
 * What of struct seq_file lies in the arena for iterator programs: u64 each, as in the kernel: the buffer's address, its
 * size, and how many bytes are in it. Plain numbers, so that AssemblyScript imports this file too.
 */
export const SEQ_BUFFER = 0
export const SEQ_SIZE = 8
export const SEQ_COUNT = 24
export const SEQ_FILE_SIZE = 32

/** struct bpf_iter_meta, u64 each: the file, the number of the session, and of the element in it. */
export const META_SEQ = 0
export const META_SESSION = 8
export const META_NUMBER = 16
export const META_SIZE = 24
