#include "tc.h"

struct {
	__uint(type, MAP_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} counter SEC(".maps");

#include "shared.h"
