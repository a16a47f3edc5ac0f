import type { CallCode } from '../calls.ts'
import type { RefusalTexts } from '../refusal.ts'

/** Calls of helpers and functions, and what functions return. */
export const calls: RefusalTexts<CallCode> = {
  UNKNOWN_HELPER: {
    title: 'No such helper',
    sentences: ['There is no helper {name}.'],
    mend: [
      'Check the number of the helper, and that the platform has the plugin that defines it.',
      'A newer kernel may have it: load on that one, or test with bpf_core_enum_value_exists.',
    ],
  },
  HELPER_NOT_AVAILABLE: {
    title: 'A helper of other program types',
    sentences: [
      '{name} exists, and programs of this type cannot call it.',
      'Programs of this type have nothing for {name} to tell.',
      '{name} works at the entry and exit of functions only.',
      'The helper cannot be called from probes.',
      'Programs of this type cannot change sockmaps.',
    ],
    mend: [
      'Look for the helper that this program type has instead.',
      'Change the program type or attach type.',
    ],
  },
  GPL_REQUIRED: {
    title: 'GPL only',
    sentences: [
      'The helper is for GPL-compatible programs only.',
      'Kernel functions are for GPL-compatible programs only.',
      'Kernel structs are for GPL-compatible programs only.',
      'Programs of type {type} are GPL-compatible only.',
    ],
    mend: ['Declare a compatible licence: `char LICENSE[] SEC("license") = "GPL";` or "Dual MIT/GPL".'],
  },
  MIGHT_SLEEP: {
    title: 'A call that may sleep where nothing may',
    sentences: [
      'The helper may sleep, and the program is not loaded as sleepable.',
      '{name} may sleep, and is called in a {where}.',
      'The global function may sleep, and is called where nothing may.',
      '{name} may sleep, and the program is not loaded as sleepable.',
      '{name} may sleep, and is called in a {where}.',
    ],
    mend: [
      'Load the program as sleepable (a section such as fentry.s or lsm.s), where its type allows it.',
      'Leave the section (RCU, preemption, IRQ, lock) before the call.',
    ],
  },
  ARGUMENT_TYPE: {
    title: 'An argument of the wrong kind',
    sentences: [
      'r{reg} is {type:kind}, and the call takes {want:kinds}.',
      '{name} makes no dynptr over {type:kind}.',
      'r{reg} has no type that the helper could check.',
      'Two arguments are acquired references, and the call takes one.',
      'The map holds sockets, which this helper does not take.',
    ],
    mend: [
      'Look at where the register got its value: an earlier call may have cleared it.',
      'Copy data that the call cannot read in place to the stack.',
    ],
  },
  ARGUMENT_MAYBE_NULL: {
    title: 'An argument that may be NULL',
    sentences: [
      'r{reg} is {type:kind}, and the call takes no NULL.',
      'Argument {arg} may be NULL, and the helper takes no NULL.',
      'Argument {arg} may be NULL, and the function takes no NULL.',
      'Argument {arg} may be NULL, and the function is declared to take none.',
    ],
    mend: ['Compare the pointer with NULL before the call.'],
  },
  ARGUMENT_OFFSET: {
    title: 'A pointer that was moved, as an argument',
    sentences: ['r{reg} does not point to the start of the object, as this call needs it.'],
    mend: ['Keep the pointer that the acquiring call returned, and pass that.'],
  },
  ARGUMENT_NOT_CONSTANT: {
    title: 'An argument that must be a constant',
    sentences: [
      'r{reg} differs from path to path, and the call takes a constant.',
      'r{reg} differs from path to path, and the call takes a constant.',
    ],
    mend: ['Pass a constant; make one call in each branch where there are several.'],
  },
  SIZE_NEGATIVE: {
    title: 'A size that may be negative',
    sentences: ['r{reg} is a size that may be negative.'],
    mend: ['Make the variable unsigned, or check that it is not negative, in the width that the call takes.'],
  },
  SIZE_UNBOUNDED: {
    title: 'A size without an upper bound',
    sentences: ['r{reg} is a size without an upper bound.'],
    mend: ['Compare the size with that of the buffer before the call, or mask it.'],
  },
  CONSTANT_STRING: {
    title: 'A string that must be a constant',
    sentences: [
      'r{reg} points to a string that may change.',
      'r{reg} points to a string whose place differs from path to path.',
      'The string has no NUL at its end.',
    ],
    mend: ['Use a string constant: `static const char fmt[] = "…";`, which lies in .rodata.'],
  },
  FORMAT_STRING: {
    title: 'A bad format string',
    sentences: ['The format string has a conversion that does not exist, or more than there are arguments.'],
    mend: ['Use %d %i %u %x %lld %llu %llx %p %s, and one argument for each.'],
  },
  MAP_TYPE_MISMATCH: {
    title: 'A map that the helper does not take',
    sentences: [
      '{name} does not take maps of type {type}.',
      'A tail call goes through a prog_array, and this map is another.',
      'bpf_for_each_map_elem does not go over maps of this type.',
    ],
    mend: ['Use the helper for this type of map, or the map type that the helper is for.'],
  },
  FLAGS_NOT_SUPPORTED: {
    title: 'Flags that must be zero',
    sentences: ['{name} takes no flags.'],
    mend: ['Pass 0.'],
  },
  CALLBACK_NOT_STATIC: {
    title: 'A callback that is not a static function',
    sentences: [
      'The program takes the address of a function and has no BTF for its functions.',
      'The callback is a global function.',
    ],
    mend: ['Declare the callback static, and compile with -g.'],
  },
  GLOBAL_FUNCTION_ARGUMENT: {
    title: 'An argument that a global function is not declared for',
    sentences: [
      'The arguments are not what the declaration of {name} promises.',
      'r{reg} holds a pointer, and the function is declared to take a number.',
      'Argument {arg} is declared as the context, and is something else.',
      'r{reg} is neither an arena pointer nor a number.',
    ],
    mend: [
      'Pass what the function declares: numbers, the context, or a pointer to as many bytes as its type has.',
      'Mark the function static, so that it is verified with the arguments of each call.',
    ],
  },
  GLOBAL_FUNCTION_SIGNATURE: {
    title: 'A global function that cannot be verified by itself',
    sentences: [
      'The function is global and has no BTF to verify it by.',
      '{name} takes {count} arguments, and functions have 5 at most.',
      '{name} is global and returns no number.',
      'Argument {arg} of a static function has a tag; only global functions may have tags.',
      'Argument {arg} has a tag that does not exist.',
      'The tags of argument {arg} do not go together.',
      'Argument {arg} has other tags beside {tag}.',
      'Argument {arg} is no pointer, and has a tag for pointers.',
      'Argument {arg} of {name} is passed as a {type}, which global functions cannot take.',
      'Argument {arg} points to {type}, whose size is not known.',
      'Argument {arg} points to {type}, which the kernel does not have.',
      'Argument {arg} points to a type without a name, which the kernel is not searched for.',
      'Argument {arg} points to something that is neither struct nor number.',
    ],
    mend: [
      'Mark the function static (or __hidden), so that it is verified with each call.',
      'Pass numbers, the context, or pointers to complete types, and return a number.',
    ],
  },
  GLOBAL_FUNCTION_CONTEXT: {
    title: 'A global function called while a lock is held',
    sentences: [
      'A global function is called while a lock is held.',
      'A function is called while a lock is held, and only unlocking is allowed then.',
    ],
    mend: ['Unlock before the call.', 'Mark the function static.'],
  },
  RETURN_VALUE_OUT_OF_RANGE: {
    title: 'A return value outside its range',
    sentences: ['{where}, {reg} may be outside {low} to {high}, which is what may be returned here.'],
    mend: [
      'Return one of the constants of the program type on every path.',
      'Bound a computed value before returning it.',
    ],
  },
  RETURN_VALUE_NOT_A_NUMBER: {
    title: 'A return value that is no number',
    sentences: [
      '{where}, {reg} is {type:kind}, and a number is to be returned.',
      'The callback returns a pointer, and a number is to be returned.',
    ],
    mend: ['Return a number.'],
  },
}
