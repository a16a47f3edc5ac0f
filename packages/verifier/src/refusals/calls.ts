import type { RefusalLines } from './refusal.ts'

export type CallCode =
  | 'UNKNOWN_HELPER'
  | 'HELPER_NOT_AVAILABLE'
  | 'GPL_REQUIRED'
  | 'MIGHT_SLEEP'
  | 'ARGUMENT_TYPE'
  | 'ARGUMENT_MAYBE_NULL'
  | 'ARGUMENT_OFFSET'
  | 'ARGUMENT_NOT_CONSTANT'
  | 'SIZE_NEGATIVE'
  | 'SIZE_UNBOUNDED'
  | 'CONSTANT_STRING'
  | 'FORMAT_STRING'
  | 'MAP_TYPE_MISMATCH'
  | 'FLAGS_NOT_SUPPORTED'
  | 'CALLBACK_NOT_STATIC'
  | 'GLOBAL_FUNCTION_ARGUMENT'
  | 'GLOBAL_FUNCTION_SIGNATURE'
  | 'GLOBAL_FUNCTION_CONTEXT'
  | 'RETURN_VALUE_OUT_OF_RANGE'
  | 'RETURN_VALUE_NOT_A_NUMBER'

/** Calls of helpers and functions, and what functions return. */
export const calls: RefusalLines<CallCode> = {
  UNKNOWN_HELPER: [/^invalid func (?!info$)(?<name>\S+)$/],
  HELPER_NOT_AVAILABLE: [
    /^program of this type cannot use helper (?<name>\S+)$/,
    /^func (?<name>\S+) not supported for program type \d+$/,
    /^func (?<name>\S+) supported only for fentry\/fexit\/fmod_ret programs$/,
    /^helper call is not allowed in probe$/,
    /^cannot update sockmap in this context$/,
  ],
  GPL_REQUIRED: [
    /^cannot call GPL-restricted function from non-GPL compatible program$/,
    /^cannot call kernel function from non-GPL compatible program$/,
    /^Cannot access kernel 'struct (?<name>[^']*)' from non-GPL compatible program$/,
    /^(?<type>LSM|struct ops) programs must have a GPL compatible license$/,
  ],
  MIGHT_SLEEP: [
    /^helper call might sleep in a non-sleepable prog$/,
    /^sleepable helper (?<name>\S+) in (?<where>.+)$/,
    /^global functions that may sleep are not allowed in non-sleepable context,$/,
    /^program must be sleepable to call sleepable kfunc (?<name>\S+)$/,
    /^kernel func (?<name>\S+) is sleepable within (?<where>.+)$/,
  ],
  ARGUMENT_TYPE: [
    /^R(?<reg>\d+) type=(?!\w*_or_null)(?<type>\S*) expected=(?<want>.+)$/,
    /^Unsupported reg type (?<type>\S+) for (?<name>\S+) data$/,
    /^Helper has invalid btf_id in R(?<reg>\d+)$/,
    /^more than one arg with ref_obj_id R(?<reg>\d+) (?<one>\d+) (?<other>\d+)$/,
    /^invalid arg_type for sockmap\/sockhash$/,
  ],
  ARGUMENT_MAYBE_NULL: [
    /^R(?<reg>\d+) type=(?<type>\w*_or_null\w*) expected=(?<want>.+)$/,
    /^Possibly NULL pointer passed to helper arg(?<arg>\d+)$/,
    /^Possibly NULL pointer passed to trusted arg(?<arg>\d+)$/,
    /^arg#(?<arg>\d+) is expected to be non-NULL$/,
  ],
  ARGUMENT_OFFSET: [
    /^R(?<reg>\d+) must have zero offset when passed to release func or trusted arg to kfunc$/,
  ],
  ARGUMENT_NOT_CONSTANT: [
    /^R(?<reg>\d+) is not a known constant'?$/,
    /^R(?<reg>\d+) must be a known constant$/,
  ],
  SIZE_NEGATIVE: [/^R(?<reg>\d+) min value is negative, either use unsigned or 'var &= const'$/],
  SIZE_UNBOUNDED: [/^R(?<reg>\d+) unbounded memory access, use 'var &= const' or 'if \(var < const\)'$/],
  CONSTANT_STRING: [
    /^R(?<reg>\d+) does not point to a readonly map'?$/,
    /^R(?<reg>\d+) is not a constant address'?$/,
    /^string is not zero-terminated$/,
  ],
  FORMAT_STRING: [/^Invalid format string$/],
  MAP_TYPE_MISMATCH: [
    /^cannot pass map_type (?<type>\d+) into func (?<name>\S+)$/,
    /^expected prog array map for tail call$/,
    /^callback function not allowed for map$/,
  ],
  FLAGS_NOT_SUPPORTED: [/^(?<name>\w+)\(\) doesn't support non-zero flags$/],
  CALLBACK_NOT_STATIC: [/^missing btf func_info$/, /^callback function not static$/],
  GLOBAL_FUNCTION_ARGUMENT: [
    /^Caller passes invalid args into func#(?<func>\d+) \('(?<name>[^']*)'\)$/,
    /^R(?<reg>\d+) is not a scalar$/,
    /^arg#(?<arg>\d+) expects pointer to ctx$/,
    /^R(?<reg>\d+) is not a pointer to arena or scalar\.$/,
  ],
  GLOBAL_FUNCTION_SIGNATURE: [
    /^Global functions need valid BTF$/,
    /^Global function (?<name>\S*)\(\) with (?<count>\d+) > 5 args\. Buggy compiler\.$/,
    /^Global function (?<name>\S*)\(\) doesn't return scalar\. Only those are supported\.$/,
    /^arg#(?<arg>\d+) type tag is not supported in static functions$/,
    /^arg#(?<arg>\d+) has unsupported set of tags$/,
    /^arg#(?<arg>\d+) has invalid combination of tags$/,
    /^arg#(?<arg>\d+) (?<tag>\w+) cannot be combined with any other tags$/,
    /^arg#(?<arg>\d+) has pointer tag, but is not a pointer type$/,
    /^Arg#(?<arg>\d+) type (?<type>\S+) in (?<name>\S*)\(\) is not supported yet\.$/,
    /^arg#(?<arg>\d+) reference type\('(?<type>[^']*)'\) size cannot be determined: -\d+$/,
    /^arg#(?<arg>\d+) reference type\('(?<type>[^']*)'\) has no matches$/,
    /^arg#(?<arg>\d+) reference type\('(?<type>[^']*)'\) candidate matching error: -22$/,
    /^arg#(?<arg>\d+) has type (?<kind>\S+) '', but only struct or primitive types are allowed$/,
  ],
  GLOBAL_FUNCTION_CONTEXT: [
    /^global function calls are not allowed while holding a lock,$/,
    /^function calls are not allowed while holding a lock$/,
  ],
  RETURN_VALUE_OUT_OF_RANGE: [
    /^(?<where>.+) the register (?<reg>R\d+) has(?: smin=(?<min>-?\d+))?(?: smax=(?<max>-?\d+))?(?: unknown scalar value)? should have been in \[(?<low>-?\d+), (?<high>-?\d+)\]$/,
  ],
  RETURN_VALUE_NOT_A_NUMBER: [
    /^(?<where>.+) the register (?<reg>R\d+) is not a (?:known value|scalar value) \((?<type>\S*)\)$/,
    /^R0 not a scalar value$/,
  ],
}
