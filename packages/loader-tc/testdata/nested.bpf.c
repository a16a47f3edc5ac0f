#include "tc.h"

struct counter {
	__uint(type, MAP_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 1);
} inner SEC(".maps");

struct {
	__uint(type, MAP_ARRAY_OF_MAPS);
	__uint(key_size, 4);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, struct counter);
} outer SEC(".maps") = { .values = { [0] = &inner } };

#include "nested.h"
