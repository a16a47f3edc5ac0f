// SPDX-License-Identifier: MIT
//
// The compiler's builtins for CO-RE, and the numbers that they take.
#pragma once

#define core __attribute__((preserve_access_index))
#define field_info(field, kind) __builtin_preserve_field_info(field, kind)
#define type_id(type, where) __builtin_btf_type_id(*(typeof(type) *)0, where)
#define type_info(type, what) __builtin_preserve_type_info(*(typeof(type) *)0, what)
#define enum_value(type, value, what) __builtin_preserve_enum_value(*(typeof(type) *)value, what)
enum { BYTE_OFFSET, BYTE_SIZE, EXISTS, SIGNED, LSHIFT, RSHIFT };
enum { LOCAL, TARGET };
enum { TYPE_EXISTS, TYPE_SIZE, TYPE_MATCHES };
enum { VALUE_EXISTS, VALUE };
