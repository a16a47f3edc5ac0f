/*
 * Asks the running kernel what becomes of system calls under seccomp filters (x86-64).
 *
 * Standard input, all little-endian u32 unless said: the number of cases; of each the number of filters, of each of those
 * the number of instructions and the instructions (struct sock_filter); then the number of calls, of each way (0: syscall,
 * 1: int 0x80), nr, and six u64 arguments. Standard output, for each call, as two i64: what it was (0 returned, 1 SIGSYS
 * caught, 2 killed, 3 a filter was refused) and the result, si_errno, the signal or errno.
 *
 * Each call is made by a child of its own, which ends by itself in no case: a filter may forbid it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct answer {
  volatile int64_t done, kind, value;
};
struct call {
  uint32_t way, nr;
  uint64_t args[6];
};

static struct answer *shared;
static sigjmp_buf caught;
static volatile int caught_errno;

static void on_sigsys(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  caught_errno = info->si_errno;
  siglongjmp(caught, 1);
}

static void must(size_t got, size_t wanted) {
  if (got != wanted) exit(2);
}

static uint32_t number(void) {
  uint32_t n;
  must(fread(&n, sizeof n, 1, stdin), 1);
  return n;
}

static int64_t make(const struct call *call) {
  int64_t result;
  if (call->way == 1) {
    int32_t narrow;
    __asm__ volatile("push %%rbp; mov %7, %%ebp; int $0x80; pop %%rbp"
                     : "=a"(narrow)
                     : "a"(call->nr), "b"((uint32_t)call->args[0]), "c"((uint32_t)call->args[1]),
                       "d"((uint32_t)call->args[2]), "S"((uint32_t)call->args[3]), "D"((uint32_t)call->args[4]),
                       "r"((uint32_t)call->args[5])
                     : "memory", "r8", "r9", "r10", "r11");
    return narrow;
  }
  register uint64_t r10 __asm__("r10") = call->args[3];
  register uint64_t r8 __asm__("r8") = call->args[4];
  register uint64_t r9 __asm__("r9") = call->args[5];
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"((uint64_t)call->nr), "D"(call->args[0]), "S"(call->args[1]), "d"(call->args[2]), "r"(r10),
                     "r"(r8), "r"(r9)
                   : "memory", "rcx", "r11");
  return result;
}

static void child(struct sock_fprog *filters, uint32_t count, const struct call *call) {
  struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSYS, &action, NULL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  for (uint32_t n = 0; n < count; n++)
    /* A filter may forbid the next ones: the kernel is asked before that only where it lets it. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filters[n])) {
      shared->kind = 3, shared->value = errno, shared->done = 1;
      for (;;);
    }
  if (sigsetjmp(caught, 0)) {
    shared->kind = 1, shared->value = caught_errno;
  } else {
    int64_t value = make(call);
    shared->value = value, shared->kind = 0;
  }
  shared->done = 1;
  for (;;);
}

int main(void) {
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (uint32_t cases = number(); cases > 0; cases--) {
    uint32_t count = number();
    struct sock_fprog *filters = calloc(count ? count : 1, sizeof *filters);
    for (uint32_t n = 0; n < count; n++) {
      uint32_t length = number();
      filters[n].len = (unsigned short)length;
      filters[n].filter = calloc(length ? length : 1, sizeof(struct sock_filter));
      must(fread(filters[n].filter, sizeof(struct sock_filter), length, stdin), length);
    }
    for (uint32_t calls = number(); calls > 0; calls--) {
      struct call call;
      must(fread(&call, sizeof call, 1, stdin), 1);
      shared->done = 0;
      fflush(stdout);
      pid_t pid = fork();
      if (pid == 0) child(filters, count, &call);
      int status;
      while (!shared->done && waitpid(pid, &status, WNOHANG) == 0) usleep(20);
      int64_t answer[2] = {shared->kind, shared->value};
      if (shared->done) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
      } else {
        answer[0] = 2;
        answer[1] = WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
      }
      fwrite(answer, sizeof answer, 1, stdout);
    }
    for (uint32_t n = 0; n < count; n++) free(filters[n].filter);
    free(filters);
  }
  return 0;
}
