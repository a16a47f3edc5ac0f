// Prints what libseccomp knows of system calls: "ARCH NUMBER NAME" for each that an architecture has.
// cc resolve.c -lseccomp
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
  const char *name;
  uint32_t token;
  int first;
} arches[] = {
    {"x86", SCMP_ARCH_X86, 0},
    {"x86_64", SCMP_ARCH_X86_64, 0},
    {"x32", SCMP_ARCH_X32, 0x40000000},
    {"arm", SCMP_ARCH_ARM, 0},
    {"aarch64", SCMP_ARCH_AARCH64, 0},
    {"riscv64", SCMP_ARCH_RISCV64, 0},
    {"ppc", SCMP_ARCH_PPC, 0},
    {"ppc64", SCMP_ARCH_PPC64, 0},
    {"s390", SCMP_ARCH_S390, 0},
    {"s390x", SCMP_ARCH_S390X, 0},
    {"mips", SCMP_ARCH_MIPS, 4000},
    {"mips64", SCMP_ARCH_MIPS64, 5000},
    {"mips64n32", SCMP_ARCH_MIPS64N32, 6000},
    {"parisc", SCMP_ARCH_PARISC, 0},
};

static void print(size_t arch, int number) {
  char *name = seccomp_syscall_resolve_num_arch(arches[arch].token, number);
  if (name) printf("%s %d %s\n", arches[arch].name, number - arches[arch].first, name);
  free(name);
}

int main(void) {
  for (size_t arch = 0; arch < sizeof arches / sizeof *arches; arch++) {
    for (int n = 0; n < 1000; n++) print(arch, arches[arch].first + n);
    // Those of arm alone (__ARM_NR_BASE).
    for (int n = 0xf0000; n < 0xf0010; n++) print(arch, arches[arch].first + n);
  }
  return 0;
}
