/** Read-modify-write on memory: real atomics where the memory is shared, plain operations where it is not. */

@inline
export function atomic_add<T>(at: usize, value: T): T {
  if (SHARED) return atomic.add<T>(at, value)
  const old = load<T>(at)
  store<T>(at, (old + value) as T)
  return old
}

@inline
export function atomic_or<T>(at: usize, value: T): T {
  if (SHARED) return atomic.or<T>(at, value)
  const old = load<T>(at)
  store<T>(at, (old | value) as T)
  return old
}

@inline
export function atomic_and<T>(at: usize, value: T): T {
  if (SHARED) return atomic.and<T>(at, value)
  const old = load<T>(at)
  store<T>(at, (old & value) as T)
  return old
}

@inline
export function atomic_xor<T>(at: usize, value: T): T {
  if (SHARED) return atomic.xor<T>(at, value)
  const old = load<T>(at)
  store<T>(at, (old ^ value) as T)
  return old
}

@inline
export function atomic_xchg<T>(at: usize, value: T): T {
  if (SHARED) return atomic.xchg<T>(at, value)
  const old = load<T>(at)
  store<T>(at, value)
  return old
}

@inline
export function atomic_cmpxchg<T>(at: usize, expected: T, value: T): T {
  if (SHARED) return atomic.cmpxchg<T>(at, expected, value)
  const old = load<T>(at)
  if (old == expected) store<T>(at, value)
  return old
}

@inline
export function atomic_load<T>(at: usize): T {
  if (SHARED) return atomic.load<T>(at)
  return load<T>(at)
}

@inline
export function atomic_store<T>(at: usize, value: T): void {
  if (SHARED) atomic.store<T>(at, value)
  else store<T>(at, value)
}
