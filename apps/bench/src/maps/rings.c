// SPDX-License-Identifier: MIT
//
// Reads a ring buffer map, or writes a user ring buffer map, whose file descriptor is 3, as libbpf does: in pages that are mapped.
// Reading is epoll_wait, then the records that are there, each handed to a function; writing needs no system call.
// usage: rings RING_BYTES read | write; then lines "NUMBER COUNT" on standard input: COUNT records, NUMBER of them at most after
// one epoll_wait, or of NUMBER bytes each; each line is answered by the nanoseconds of one record.
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>

#define FD 3
#define PAGE 4096
#define BUSY 0x80000000u
#define DISCARDED 0x40000000u

static __u64 *consumer, *producer, sum, mask;
static char *data;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int add(void *sample, size_t bytes)
{
	sum += *(__u32 *)sample + bytes;
	return 0;
}

static int (*volatile take)(void *, size_t) = add;

static long read_some(long most)
{
	__u64 at = *consumer;
	long n = 0;

	while (n < most && at < __atomic_load_n(producer, __ATOMIC_ACQUIRE)) {
		char *record = data + (at & mask);
		__u32 length = __atomic_load_n((__u32 *)record, __ATOMIC_ACQUIRE);

		if (length & BUSY)
			break;
		at += ((length & ~DISCARDED) + 8 + 7) & ~7ull;
		if (!(length & DISCARDED)) {
			if (take(record + 8, length) < 0)
				break;
			n++;
		}
		__atomic_store_n(consumer, at, __ATOMIC_RELEASE);
	}
	return n;
}

static int write_one(size_t bytes)
{
	__u64 at = __atomic_load_n(producer, __ATOMIC_ACQUIRE);
	__u64 length = (bytes + 8 + 7) & ~7ull;
	__u32 *record = (void *)(data + (at & mask));

	if (at + length - __atomic_load_n(consumer, __ATOMIC_ACQUIRE) > mask + 1)
		return -1;
	record[0] = bytes | BUSY;
	record[1] = 0;
	__atomic_store_n(producer, at + length, __ATOMIC_RELEASE);
	memset(record + 2, 1, bytes);
	__atomic_exchange_n(record, bytes, __ATOMIC_ACQ_REL);
	return 0;
}

int main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(0), reads;
	long number, count;
	size_t bytes;

	if (argc != 3)
		return 2;
	bytes = atol(argv[1]);
	reads = !strcmp(argv[2], "read");
	mask = bytes - 1;
	consumer = mmap(0, PAGE, PROT_READ | (reads ? PROT_WRITE : 0), MAP_SHARED, FD, 0);
	producer = mmap(0, PAGE + 2 * bytes, PROT_READ | (reads ? 0 : PROT_WRITE), MAP_SHARED, FD, PAGE);
	if (consumer == MAP_FAILED || producer == MAP_FAILED || epoll_ctl(epoll, EPOLL_CTL_ADD, FD, &event))
		return 1;
	data = (char *)producer + PAGE;
	while (scanf("%ld %ld", &number, &count) == 2) {
		double start = now(), ns;
		long done = 0;

		if (reads)
			while (done < count && epoll_wait(epoll, &event, 1, 0) == 1)
				done += read_some(number);
		else
			while (done < count && !write_one(number))
				done++;
		ns = done == count ? (now() - start) / count : -1;
		// What is left belongs to no turn.
		if (reads)
			*consumer = *producer;
		printf("%f\n", ns);
		fflush(stdout);
	}
	return 0;
}
