// A program with loops, calls, narrow and wide accesses, atomics and 64-bit immediates, so that its
// disassembly at each -mcpu shows most of what a compiler emits.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#define SECTION(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))

struct context {
  u8 bytes[16];
  u32 words[4];
  u64 quads[4];
  s16 shorts[4];
  s32 count;
};

struct {
  int (*type)[1];
  int (*max_entries)[16];
  u32 *key;
  u64 *value;
} counters SECTION(".maps");

static void *(*const lookup)(void *map, const void *key) = (void *)1;
static u64 (*const now)(void) = (void *)5;

u64 total;
const volatile u32 limit = 1000;

static NOINLINE u32 checksum(const struct context *context, u32 length) {
  u32 sum = 0;
  for (u32 i = 0; i < length; i++) {
    sum += context->bytes[i & 15];
    sum = (sum << 5) | (sum >> 27);
  }
  return sum ^ 0xdeadbeef;
}

static NOINLINE s64 average(const struct context *context) {
  s64 sum = 0;
  for (int i = 0; i < 4; i++) sum += context->shorts[i] * 3 - (s64)context->words[i];
  return context->count > 0 ? sum >> 2 : -sum;
}

SECTION("classifier") int classify(struct context *context) {
  u32 key = context->words[0] % 16;
  u64 *counter = lookup(&counters, &key);
  if (!counter) return -1;
  __sync_fetch_and_add(counter, 1);
  total += context->quads[1] / 10 + 0x123456789abcdefULL;
  context->quads[2] = __builtin_bswap64(context->quads[0]);
  context->words[3] = __builtin_bswap32(context->words[1]);
  *(u16 *)&context->bytes[2] = __builtin_bswap16(*(u16 *)&context->bytes[4]);
  context->bytes[0] = 5;
  context->words[2] = -1;
  context->quads[3] = 0;
  if ((s64)context->quads[1] < -5 || context->words[2] > limit) return 2;
  return checksum(context, context->words[1]) + (int)average(context);
}

SECTION("timer") u64 since(struct context *context) {
  u64 elapsed = now() - context->quads[0];
  if (elapsed > 1000000000ULL && context->count != 7) return elapsed;
  return context->count & 0x10 ? 0xffffffffULL : ~0ULL;
}
