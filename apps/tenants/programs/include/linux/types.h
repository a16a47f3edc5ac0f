// SPDX-License-Identifier: MIT
// The types that http_request.h needs, so that programs compile with clang alone; the system's own header does as well.
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
