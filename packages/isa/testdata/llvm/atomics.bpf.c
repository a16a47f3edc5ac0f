// What -mcpu=v3 added: atomics that fetch, on 32 and 64 bits.
typedef unsigned int u32;
typedef unsigned long long u64;

__attribute__((section("raw"), used)) u64 atomics(u64 *quad, u32 *word, u64 value) {
  u64 old = __sync_fetch_and_add(quad, value);
  old += __sync_fetch_and_or(quad + 1, value);
  old ^= __sync_fetch_and_and(quad + 2, value);
  old -= __sync_fetch_and_xor(quad - 1, value);
  old += __sync_lock_test_and_set(quad, value);
  old += __sync_val_compare_and_swap(quad, value, old);
  u32 small = __sync_fetch_and_add(word, (u32)value);
  small += __sync_fetch_and_or(word + 1, small);
  small ^= __sync_fetch_and_and(word + 2, small);
  small -= __sync_fetch_and_xor(word - 1, small);
  small += __sync_lock_test_and_set(word, small);
  small += __sync_val_compare_and_swap(word, small, 7u);
  __sync_fetch_and_add(word, 1);
  return old + small;
}
