/*
 * Compiles policies with libseccomp. Standard input, words on lines:
 *   policy DEFAULT BADARCH OPTIMIZE   begins one; actions are SECCOMP_RET_* values
 *   arch TOKEN                        one of its architectures
 *   rule ACTION NAME N [ARG OP A B]*  a rule; OP is the number of an SCMP_CMP_*
 *   end                               compiles it: a line of 0 and the filter in hex, or of another number
 * cc libseccomp.c -lseccomp
 */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void compile(scmp_filter_ctx context) {
  FILE *file = tmpfile();
  int failed = seccomp_export_bpf(context, fileno(file));
  printf("%d ", failed);
  unsigned char bytes[8];
  rewind(file);
  lseek(fileno(file), 0, SEEK_SET);
  while (!failed && read(fileno(file), bytes, 8) == 8)
    for (int n = 0; n < 8; n++) printf("%02x", bytes[n]);
  printf("\n");
  fclose(file);
}

static int one(FILE *text) {
  char word[64], name[64];
  scmp_filter_ctx context = NULL;
  while (fscanf(text, "%63s", word) == 1) {
    int result = 0;
    if (!strcmp(word, "policy")) {
      uint32_t otherwise, bad, optimize;
      if (fscanf(text, "%u %u %u", &otherwise, &bad, &optimize) != 3) return 2;
      context = seccomp_init(otherwise);
      if (!context) return 1;
      seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, bad);
      seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, optimize);
      seccomp_arch_remove(context, SCMP_ARCH_NATIVE);
    } else if (!strcmp(word, "arch")) {
      uint32_t token;
      if (fscanf(text, "%u", &token) != 1) return 2;
      result = seccomp_arch_add(context, token);
    } else {
      uint32_t action, count;
      struct scmp_arg_cmp args[6];
      if (fscanf(text, "%u %63s %u", &action, name, &count) != 3) return 2;
      for (uint32_t n = 0; n < count; n++) {
        uint32_t op;
        unsigned long long a, b;
        if (fscanf(text, "%u %u %llu %llu", &args[n].arg, &op, &a, &b) != 4) return 2;
        args[n].op = (enum scmp_compare)op;
        args[n].datum_a = a;
        args[n].datum_b = b;
      }
      result = seccomp_rule_add_array(context, action, seccomp_syscall_resolve_name(name), count, args);
    }
    if (result && result != -EEXIST) return 1;
  }
  compile(context);
  fflush(stdout);
  return 0;
}

int main(void) {
  static char text[1 << 20];
  char line[512];
  size_t used = 0;
  while (fgets(line, sizeof line, stdin)) {
    if (strcmp(line, "end\n")) {
      used += (size_t)snprintf(text + used, sizeof text - used, "%s", line);
      continue;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
      /* Some sets of comparisons it never comes to an end with. */
      alarm(1);
      fclose(stdin);
      _exit(one(fmemopen(text, used, "r")));
    }
    int status;
    waitpid(pid, &status, 0);
    if (status != 0) printf("-1\n");
    used = 0;
  }
  return 0;
}
