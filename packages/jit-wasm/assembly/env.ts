/** What the standalone module gives its own code. */

// @ts-ignore: decorator
@external("memory", "contains")
export declare function contains(address: u32, size: u32): i32

// @ts-ignore: decorator
@external("env", "control")
export declare const control: i32

/** Address of SCRATCH_SIZE bytes that nothing else uses. */
// @ts-ignore: decorator
@external("env", "scratch")
export declare const scratch: i32

/** Arguments of one text: MAX_BPRINTF_VARARGS words. */
export const ARGUMENTS: i32 = 0
export const MOST_ARGUMENTS: u32 = 12
/** The same, packed as bstr_printf reads them: MAX_BPRINTF_BIN_ARGS. */
export const PACKED: i32 = 96
export const PACKED_SIZE: u32 = 512
/** A printed text: MAX_BPRINTF_BUF. */
export const TEXT: i32 = 608
export const TEXT_SIZE: u32 = 1024
/** u64: what a module without a clock told last. */
export const TICKS: i32 = 1632
