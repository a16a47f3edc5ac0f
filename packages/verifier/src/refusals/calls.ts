import type { Refusals } from './refusal.ts'

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
export const calls: Refusals<CallCode> = {
  UNKNOWN_HELPER: {
    title: 'No such helper',
    lines: [[/^invalid func (?!info$)(?<name>\S+)$/, 'There is no helper {name}.']],
    mend: [
      'Check the number of the helper, and that the platform has the plugin that defines it.',
      'A newer kernel may have it: load on that one, or test with bpf_core_enum_value_exists.',
    ],
  },
  HELPER_NOT_AVAILABLE: {
    title: 'A helper of other program types',
    lines: [
      [
        /^program of this type cannot use helper (?<name>\S+)$/,
        '{name} exists, and programs of this type cannot call it.',
      ],
      [
        /^func (?<name>\S+) not supported for program type \d+$/,
        'Programs of this type have nothing for {name} to tell.',
      ],
      [
        /^func (?<name>\S+) supported only for fentry\/fexit\/fmod_ret programs$/,
        '{name} works at the entry and exit of functions only.',
      ],
      [/^helper call is not allowed in probe$/, 'The helper cannot be called from probes.'],
      [/^cannot update sockmap in this context$/, 'Programs of this type cannot change sockmaps.'],
    ],
    mend: [
      'Look for the helper that this program type has instead.',
      'Change the program type or attach type.',
    ],
  },
  GPL_REQUIRED: {
    title: 'GPL only',
    lines: [
      [
        /^cannot call GPL-restricted function from non-GPL compatible program$/,
        'The helper is for GPL-compatible programs only.',
      ],
      [
        /^cannot call kernel function from non-GPL compatible program$/,
        'Kernel functions are for GPL-compatible programs only.',
      ],
      [
        /^Cannot access kernel 'struct (?<name>[^']*)' from non-GPL compatible program$/,
        'Kernel structs are for GPL-compatible programs only.',
      ],
      [
        /^(?<type>LSM|struct ops) programs must have a GPL compatible license$/,
        'Programs of type {type} are GPL-compatible only.',
      ],
    ],
    mend: ['Declare a compatible licence: `char LICENSE[] SEC("license") = "GPL";` or "Dual MIT/GPL".'],
  },
  MIGHT_SLEEP: {
    title: 'A call that may sleep where nothing may',
    lines: [
      [
        /^helper call might sleep in a non-sleepable prog$/,
        'The helper may sleep, and the program is not loaded as sleepable.',
      ],
      [/^sleepable helper (?<name>\S+) in (?<where>.+)$/, '{name} may sleep, and is called in a {where}.'],
      [
        /^global functions that may sleep are not allowed in non-sleepable context,$/,
        'The global function may sleep, and is called where nothing may.',
      ],
      [
        /^program must be sleepable to call sleepable kfunc (?<name>\S+)$/,
        '{name} may sleep, and the program is not loaded as sleepable.',
      ],
      [
        /^kernel func (?<name>\S+) is sleepable within (?<where>.+)$/,
        '{name} may sleep, and is called in a {where}.',
      ],
    ],
    mend: [
      'Load the program as sleepable (a section such as fentry.s or lsm.s), where its type allows it.',
      'Leave the section (RCU, preemption, IRQ, lock) before the call.',
    ],
  },
  ARGUMENT_TYPE: {
    title: 'An argument of the wrong kind',
    lines: [
      [
        /^R(?<reg>\d+) type=(?!\w*_or_null)(?<type>\S*) expected=(?<want>.+)$/,
        'r{reg} is {type:kind}, and the call takes {want:kinds}.',
      ],
      [
        /^Unsupported reg type (?<type>\S+) for (?<name>\S+) data$/,
        '{name} makes no dynptr over {type:kind}.',
      ],
      [/^Helper has invalid btf_id in R(?<reg>\d+)$/, 'r{reg} has no type that the helper could check.'],
      [
        /^more than one arg with ref_obj_id R(?<reg>\d+) (?<one>\d+) (?<other>\d+)$/,
        'Two arguments are acquired references, and the call takes one.',
      ],
      [/^invalid arg_type for sockmap\/sockhash$/, 'The map holds sockets, which this helper does not take.'],
    ],
    mend: [
      'Look at where the register got its value: an earlier call may have cleared it.',
      'Copy data that the call cannot read in place to the stack.',
    ],
  },
  ARGUMENT_MAYBE_NULL: {
    title: 'An argument that may be NULL',
    lines: [
      [
        /^R(?<reg>\d+) type=(?<type>\w*_or_null\w*) expected=(?<want>.+)$/,
        'r{reg} is {type:kind}, and the call takes no NULL.',
      ],
      [
        /^Possibly NULL pointer passed to helper arg(?<arg>\d+)$/,
        'Argument {arg} may be NULL, and the helper takes no NULL.',
      ],
      [
        /^Possibly NULL pointer passed to trusted arg(?<arg>\d+)$/,
        'Argument {arg} may be NULL, and the function takes no NULL.',
      ],
      [
        /^arg#(?<arg>\d+) is expected to be non-NULL$/,
        'Argument {arg} may be NULL, and the function is declared to take none.',
      ],
    ],
    mend: ['Compare the pointer with NULL before the call.'],
  },
  ARGUMENT_OFFSET: {
    title: 'A pointer that was moved, as an argument',
    lines: [
      [
        /^R(?<reg>\d+) must have zero offset when passed to release func or trusted arg to kfunc$/,
        'r{reg} does not point to the start of the object, as this call needs it.',
      ],
    ],
    mend: ['Keep the pointer that the acquiring call returned, and pass that.'],
  },
  ARGUMENT_NOT_CONSTANT: {
    title: 'An argument that must be a constant',
    lines: [
      [
        /^R(?<reg>\d+) is not a known constant'?$/,
        'r{reg} differs from path to path, and the call takes a constant.',
      ],
      [
        /^R(?<reg>\d+) must be a known constant$/,
        'r{reg} differs from path to path, and the call takes a constant.',
      ],
    ],
    mend: ['Pass a constant; make one call in each branch where there are several.'],
  },
  SIZE_NEGATIVE: {
    title: 'A size that may be negative',
    lines: [
      [
        /^R(?<reg>\d+) min value is negative, either use unsigned or 'var &= const'$/,
        'r{reg} is a size that may be negative.',
      ],
    ],
    mend: ['Make the variable unsigned, or check that it is not negative, in the width that the call takes.'],
  },
  SIZE_UNBOUNDED: {
    title: 'A size without an upper bound',
    lines: [
      [
        /^R(?<reg>\d+) unbounded memory access, use 'var &= const' or 'if \(var < const\)'$/,
        'r{reg} is a size without an upper bound.',
      ],
    ],
    mend: ['Compare the size with that of the buffer before the call, or mask it.'],
  },
  CONSTANT_STRING: {
    title: 'A string that must be a constant',
    lines: [
      [/^R(?<reg>\d+) does not point to a readonly map'?$/, 'r{reg} points to a string that may change.'],
      [
        /^R(?<reg>\d+) is not a constant address'?$/,
        'r{reg} points to a string whose place differs from path to path.',
      ],
      [/^string is not zero-terminated$/, 'The string has no NUL at its end.'],
    ],
    mend: ['Use a string constant: `static const char fmt[] = "…";`, which lies in .rodata.'],
  },
  FORMAT_STRING: {
    title: 'A bad format string',
    lines: [
      [
        /^Invalid format string$/,
        'The format string has a conversion that does not exist, or more than there are arguments.',
      ],
    ],
    mend: ['Use %d %i %u %x %lld %llu %llx %p %s, and one argument for each.'],
  },
  MAP_TYPE_MISMATCH: {
    title: 'A map that the helper does not take',
    lines: [
      [
        /^cannot pass map_type (?<type>\d+) into func (?<name>\S+)$/,
        '{name} does not take maps of type {type}.',
      ],
      [
        /^expected prog array map for tail call$/,
        'A tail call goes through a prog_array, and this map is another.',
      ],
      [
        /^callback function not allowed for map$/,
        'bpf_for_each_map_elem does not go over maps of this type.',
      ],
    ],
    mend: ['Use the helper for this type of map, or the map type that the helper is for.'],
  },
  FLAGS_NOT_SUPPORTED: {
    title: 'Flags that must be zero',
    lines: [[/^(?<name>\w+)\(\) doesn't support non-zero flags$/, '{name} takes no flags.']],
    mend: ['Pass 0.'],
  },
  CALLBACK_NOT_STATIC: {
    title: 'A callback that is not a static function',
    lines: [
      [
        /^missing btf func_info$/,
        'The program takes the address of a function and has no BTF for its functions.',
      ],
      [/^callback function not static$/, 'The callback is a global function.'],
    ],
    mend: ['Declare the callback static, and compile with -g.'],
  },
  GLOBAL_FUNCTION_ARGUMENT: {
    title: 'An argument that a global function is not declared for',
    lines: [
      [
        /^Caller passes invalid args into func#(?<func>\d+) \('(?<name>[^']*)'\)$/,
        'The arguments are not what the declaration of {name} promises.',
      ],
      [
        /^R(?<reg>\d+) is not a scalar$/,
        'r{reg} holds a pointer, and the function is declared to take a number.',
      ],
      [
        /^arg#(?<arg>\d+) expects pointer to ctx$/,
        'Argument {arg} is declared as the context, and is something else.',
      ],
      [
        /^R(?<reg>\d+) is not a pointer to arena or scalar\.$/,
        'r{reg} is neither an arena pointer nor a number.',
      ],
    ],
    mend: [
      'Pass what the function declares: numbers, the context, or a pointer to as many bytes as its type has.',
      'Mark the function static, so that it is verified with the arguments of each call.',
    ],
  },
  GLOBAL_FUNCTION_SIGNATURE: {
    title: 'A global function that cannot be verified by itself',
    lines: [
      [/^Global functions need valid BTF$/, 'The function is global and has no BTF to verify it by.'],
      [
        /^Global function (?<name>\S*)\(\) with (?<count>\d+) > 5 args\. Buggy compiler\.$/,
        '{name} takes {count} arguments, and functions have 5 at most.',
      ],
      [
        /^Global function (?<name>\S*)\(\) doesn't return scalar\. Only those are supported\.$/,
        '{name} is global and returns no number.',
      ],
      [
        /^arg#(?<arg>\d+) type tag is not supported in static functions$/,
        'Argument {arg} of a static function has a tag; only global functions may have tags.',
      ],
      [/^arg#(?<arg>\d+) has unsupported set of tags$/, 'Argument {arg} has a tag that does not exist.'],
      [/^arg#(?<arg>\d+) has invalid combination of tags$/, 'The tags of argument {arg} do not go together.'],
      [
        /^arg#(?<arg>\d+) (?<tag>\w+) cannot be combined with any other tags$/,
        'Argument {arg} has other tags beside {tag}.',
      ],
      [
        /^arg#(?<arg>\d+) has pointer tag, but is not a pointer type$/,
        'Argument {arg} is no pointer, and has a tag for pointers.',
      ],
      [
        /^Arg#(?<arg>\d+) type (?<type>\S+) in (?<name>\S*)\(\) is not supported yet\.$/,
        'Argument {arg} of {name} is passed as a {type}, which global functions cannot take.',
      ],
      [
        /^arg#(?<arg>\d+) reference type\('(?<type>[^']*)'\) size cannot be determined: -\d+$/,
        'Argument {arg} points to {type}, whose size is not known.',
      ],
      [
        /^arg#(?<arg>\d+) reference type\('(?<type>[^']*)'\) has no matches$/,
        'Argument {arg} points to {type}, which the kernel does not have.',
      ],
      [
        /^arg#(?<arg>\d+) reference type\('(?<type>[^']*)'\) candidate matching error: -22$/,
        'Argument {arg} points to a type without a name, which the kernel is not searched for.',
      ],
      [
        /^arg#(?<arg>\d+) has type (?<kind>\S+) '', but only struct or primitive types are allowed$/,
        'Argument {arg} points to something that is neither struct nor number.',
      ],
    ],
    mend: [
      'Mark the function static (or __hidden), so that it is verified with each call.',
      'Pass numbers, the context, or pointers to complete types, and return a number.',
    ],
  },
  GLOBAL_FUNCTION_CONTEXT: {
    title: 'A global function called while a lock is held',
    lines: [
      [
        /^global function calls are not allowed while holding a lock,$/,
        'A global function is called while a lock is held.',
      ],
      [
        /^function calls are not allowed while holding a lock$/,
        'A function is called while a lock is held, and only unlocking is allowed then.',
      ],
    ],
    mend: ['Unlock before the call.', 'Mark the function static.'],
  },
  RETURN_VALUE_OUT_OF_RANGE: {
    title: 'A return value outside its range',
    lines: [
      [
        /^(?<where>.+) the register (?<reg>R\d+) has(?: smin=(?<min>-?\d+))?(?: smax=(?<max>-?\d+))?(?: unknown scalar value)? should have been in \[(?<low>-?\d+), (?<high>-?\d+)\]$/,
        '{where}, {reg} may be outside {low} to {high}, which is what may be returned here.',
      ],
    ],
    mend: [
      'Return one of the constants of the program type on every path.',
      'Bound a computed value before returning it.',
    ],
  },
  RETURN_VALUE_NOT_A_NUMBER: {
    title: 'A return value that is no number',
    lines: [
      [
        /^(?<where>.+) the register (?<reg>R\d+) is not a (?:known value|scalar value) \((?<type>\S*)\)$/,
        '{where}, {reg} is {type:kind}, and a number is to be returned.',
      ],
      [/^R0 not a scalar value$/, 'The callback returns a pointer, and a number is to be returned.'],
    ],
    mend: ['Return a number.'],
  },
}
