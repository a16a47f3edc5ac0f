/*
 * Records what libbpf gives the kernel for an object: the maps it creates and fills, the instructions, function and line
 * records and BTF it loads. It replaces syscall(2) in its own process, so neither a kernel nor root is asked.
 *
 * usage: record OBJECT [KERNEL_BTF | - [KCONFIG_TEXT]], or record --version
 * prints one JSON object; { "error": errno } where libbpf refuses the object
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* libbpf 0.1, the last that took a section for a program, whatever its symbols are. */
#ifndef LIBBPF_OPTS
#define LIBBPF_OPTS(type, name, ...) struct { size_t sz; const char *btf_custom_path, *kconfig; } name = { __VA_ARGS__ }
#define bpf_object__open_file(file, options) bpf_object__open(file)
#define bpf_program__type bpf_program__get_type
#define bpf_program__section_name(program) bpf_program__title(program, false)
#define bpf_map__pin_path bpf_map__get_pin_path
#define bpf_map__set_pin_path(map, path) (void)0
#define btf__load_vmlinux_btf libbpf_find_kernel_btf
#define libbpf_major_version() 0
#define libbpf_minor_version() 1
#endif

#define MAX_FD 4096
/* What the headers of libbpf 1.1 do not name. */
#define MAP_TYPE_ARENA 33

struct blob {
	void *data;
	size_t size;
};

/* What was created under a descriptor. */
struct made {
	union bpf_attr attr;
	/* The template of a map of maps: its descriptor is closed, and given out again. */
	const struct made *inner;
	struct blob insns, funcs, lines, btf;
	struct {
		unsigned int key, value_fd;
		struct blob value;
	} updates[64];
	int update_count;
	int frozen;
};

static struct made *made[MAX_FD];
static const struct bpf_map *pinned[MAX_FD];
static int pinned_count;
static const struct bpf_program *untyped[MAX_FD];
static int untyped_count;

static struct blob copy(__u64 from, size_t size)
{
	struct blob blob = { malloc(size + 1), size };

	memcpy(blob.data, (void *)(unsigned long)from, size);
	return blob;
}

/* A descriptor that is none of the kernel's objects, but has `size` bytes that can be mapped, as arrays and arenas do. */
static int new_fd(const union bpf_attr *attr, size_t size)
{
	int from = memfd_create("bpf", MFD_CLOEXEC), fd = fcntl(from, F_DUPFD_CLOEXEC, 16);

	if (fd < 0 || fd >= MAX_FD || (size && ftruncate(fd, size)))
		exit(2);
	close(from);
	made[fd] = calloc(1, sizeof(struct made));
	made[fd]->attr = *attr;
	return fd;
}

static size_t mapped_size(const union bpf_attr *attr)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (attr->map_type == MAP_TYPE_ARENA)
		return attr->max_entries * page;
	if (!(attr->map_flags & BPF_F_MMAPABLE))
		return 0;
	return ((attr->value_size + 7ul) / 8 * 8 * attr->max_entries + page - 1) / page * page;
}

static long bpf(int command, const union bpf_attr *given, size_t size)
{
	union bpf_attr whole = {}, *attr = &whole;
	struct made *m;
	int fd;

	/* Commands give as much of it as they use. */
	memcpy(attr, given, size < sizeof(whole) ? size : sizeof(whole));

	switch (command) {
	case BPF_MAP_CREATE:
		fd = new_fd(attr, mapped_size(attr));
		if (attr->inner_map_fd && attr->inner_map_fd < MAX_FD)
			made[fd]->inner = made[attr->inner_map_fd];
		return fd;
	case BPF_BTF_LOAD:
		fd = new_fd(attr, 0);
		made[fd]->btf = copy(attr->btf, attr->btf_size);
		return fd;
	case BPF_PROG_LOAD:
		fd = new_fd(attr, 0);
		m = made[fd];
		m->insns = copy(attr->insns, attr->insn_cnt * 8ul);
		m->funcs = copy(attr->func_info, (size_t)attr->func_info_cnt * attr->func_info_rec_size);
		m->lines = copy(attr->line_info, (size_t)attr->line_info_cnt * attr->line_info_rec_size);
		return fd;
	case BPF_MAP_UPDATE_ELEM:
		m = made[attr->map_fd];
		if (m && m->update_count < 64) {
			memcpy(&m->updates[m->update_count].key, (void *)(unsigned long)attr->key, 4);
			m->updates[m->update_count].value =
				copy(attr->value, m->attr.value_size ? m->attr.value_size : 4);
			m->update_count++;
		}
		return 0;
	case BPF_MAP_FREEZE:
		if (made[attr->map_fd])
			made[attr->map_fd]->frozen = 1;
		return 0;
	case BPF_PROG_BIND_MAP:
		return 0;
	case BPF_BTF_GET_NEXT_ID:
		/* No module has types. */
		errno = ENOENT;
		return -1;
	default:
		errno = EINVAL;
		return -1;
	}
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == __NR_bpf)
		return bpf((int)a[0], (union bpf_attr *)a[1], (size_t)a[2]);
	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	/* libbpf from 1.4 on keeps a descriptor for each map, and puts the kernel's in its place. */
	if (number == __NR_dup3 && a[0] < MAX_FD && a[1] < MAX_FD)
		made[a[1]] = made[a[0]];
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void put_string(const char *text)
{
	putchar('"');
	for (; text && *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if ((unsigned char)*text < 32)
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void put_hex(const void *data, size_t size)
{
	putchar('"');
	for (size_t i = 0; i < size; i++)
		printf("%02x", ((const unsigned char *)data)[i]);
	putchar('"');
}

/* Maps for globals are named after the object; what stays is the section. */
static const char *map_name(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);
	const char *dot = strchr(name, '.');

	return bpf_map__is_internal(map) && dot ? dot : name;
}

static const char *name_of_map_fd(struct bpf_object *object, int fd)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		if (bpf_map__fd(map) == fd)
			return map_name(map);
	return "?";
}

static const char *name_of_program_fd(struct bpf_object *object, int fd)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
		if (bpf_program__fd(program) == fd)
			return bpf_program__name(program);
	return NULL;
}

static void put_attr(const union bpf_attr *a)
{
	printf("\"type\":%u,\"keySize\":%u,\"valueSize\":%u,\"maxEntries\":%u,\"flags\":%u,\"mapExtra\":%llu", a->map_type,
	       a->key_size, a->value_size, a->max_entries, a->map_flags, a->map_extra);
}

/* Its first contents are written through a mapping; zeros behind them say nothing. */
static void put_arena(int fd, size_t size)
{
	static char contents[1 << 20];
	ssize_t end = pread(fd, contents, size < sizeof(contents) ? size : sizeof(contents), 0);

	while (end > 0 && !contents[end - 1])
		end--;
	if (end <= 0)
		return;
	printf("{\"key\":0,\"value\":");
	put_hex(contents, end);
	putchar('}');
}

static void put_map(struct bpf_object *object, struct bpf_map *map)
{
	const struct made *m = made[bpf_map__fd(map)];

	printf("{\"name\":");
	put_string(map_name(map));
	putchar(',');
	put_attr(&m->attr);
	printf(",\"btfKey\":%u,\"btfValue\":%u", bpf_map__btf_key_type_id(map), bpf_map__btf_value_type_id(map));
	if (m->frozen)
		printf(",\"frozen\":true");
	for (int i = 0; i < pinned_count; i++)
		if (pinned[i] == map)
			printf(",\"pinning\":\"by_name\"");
	if (m->inner) {
		printf(",\"inner\":{");
		put_attr(&m->inner->attr);
		putchar('}');
	}
	printf(",\"initial\":[");
	for (int i = 0; i < m->update_count; i++) {
		int fd = *(int *)m->updates[i].value.data;

		printf("%s{\"key\":%u,", i ? "," : "", m->updates[i].key);
		if (bpf_map__is_internal(map)) {
			printf("\"value\":");
			put_hex(m->updates[i].value.data, m->updates[i].value.size);
		} else if (name_of_program_fd(object, fd)) {
			printf("\"program\":");
			put_string(name_of_program_fd(object, fd));
		} else {
			printf("\"map\":");
			put_string(name_of_map_fd(object, fd));
		}
		putchar('}');
	}
	if (m->attr.map_type == MAP_TYPE_ARENA)
		put_arena(bpf_map__fd(map), mapped_size(&m->attr));
	printf("]}");
}

/* Descriptors and the kernel's type ids differ from run to run: they are zeroed, and named beside. */
static void put_references(struct bpf_object *object, const struct btf *kernel, struct bpf_insn *insns, size_t count)
{
	const char *comma = "";

	printf("\"references\":[");
	for (size_t i = 0; i < count; i++) {
		struct bpf_insn *insn = &insns[i];
		const char *kind = NULL, *name = NULL;
		unsigned int offset = 0;

		if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_KFUNC_CALL) {
			kind = "kfunc";
			name = btf__name_by_offset(kernel, btf__type_by_id(kernel, insn->imm)->name_off);
			insn->imm = 0;
		} else if (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && i + 1 < count) {
			if (insn->src_reg == BPF_PSEUDO_MAP_FD || insn->src_reg == BPF_PSEUDO_MAP_VALUE) {
				kind = insn->src_reg == BPF_PSEUDO_MAP_FD ? "map" : "map_value";
				name = name_of_map_fd(object, insn->imm);
				offset = insn[1].imm;
				insn->imm = 0;
			} else if (insn->src_reg == BPF_PSEUDO_BTF_ID) {
				kind = "ksym";
				name = btf__name_by_offset(kernel, btf__type_by_id(kernel, insn->imm)->name_off);
				insn[0].imm = insn[1].imm = 0;
			} else if (insn->src_reg == BPF_PSEUDO_FUNC) {
				kind = "func";
			}
		}
		if (kind) {
			printf("%s{\"insn\":%zu,\"kind\":\"%s\"", comma, i, kind);
			if (name) {
				printf(",\"name\":");
				put_string(name);
			}
			if (!strcmp(kind, "map_value"))
				printf(",\"offset\":%u", offset);
			if (!strcmp(kind, "func"))
				printf(",\"target\":%zu", i + insn->imm + 1);
			putchar('}');
			comma = ",";
		}
		if (insn->code == (BPF_LD | BPF_IMM | BPF_DW))
			i++;
	}
	printf("],");
}

static int is_untyped(const struct bpf_program *program)
{
	for (int i = 0; i < untyped_count; i++)
		if (untyped[i] == program)
			return 1;
	return 0;
}

static void put_program(struct bpf_object *object, const struct btf *kernel, struct bpf_program *program)
{
	const struct made *m = made[bpf_program__fd(program)];
	const struct btf *btf = bpf_object__btf(object);
	unsigned int record = m->attr.func_info_rec_size;

	printf("{\"name\":");
	put_string(bpf_program__name(program));
	printf(",\"section\":");
	put_string(bpf_program__section_name(program));
	/* 0 where libbpf knows no type for the section. */
	printf(",\"type\":%u,\"attachType\":%u,\"flags\":%u,\"license\":", is_untyped(program) ? 0 : m->attr.prog_type,
	       m->attr.expected_attach_type, m->attr.prog_flags);
	put_string((const char *)(unsigned long)m->attr.license);
	putchar(',');
	put_references(object, kernel, m->insns.data, m->insns.size / 8);
	printf("\"insns\":");
	put_hex(m->insns.data, m->insns.size);
	printf(",\"functions\":[");
	for (size_t at = 0; record && at < m->funcs.size; at += record) {
		const struct bpf_func_info *f = m->funcs.data + at;

		printf("%s[%u,%u]", at ? "," : "", f->insn_off, f->type_id);
	}
	printf("],\"lines\":[");
	record = m->attr.line_info_rec_size;
	for (size_t at = 0; record && at < m->lines.size; at += record) {
		const struct bpf_line_info *l = m->lines.data + at;

		printf("%s[%u,", at ? "," : "", l->insn_off);
		put_string(btf__name_by_offset(btf, l->file_name_off));
		printf(",%u,%u]", BPF_LINE_INFO_LINE_NUM(l->line_col), BPF_LINE_INFO_LINE_COL(l->line_col));
	}
	printf("]}");
}

/* Programs that libbpf cannot load for want of what they attach to: a function that this kernel has not, a program. */
static char *left[MAX_FD];
static int left_count;
static char failing[256];

static int is_left(const char *name)
{
	for (int i = 0; i < left_count; i++)
		if (!strcmp(left[i], name))
			return 1;
	return 0;
}

static int print(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char text[512];
	va_list again;

	va_copy(again, arguments);
	vsnprintf(text, sizeof(text), format, again);
	va_end(again);
	if (strstr(text, "failed to find kernel BTF type ID of") || strstr(text, "attach program FD is not set") ||
	    strstr(text, "no BTF-based attach target is specified"))
		sscanf(text, "libbpf: prog '%255[^']'", failing);
	return getenv("VERBOSE") || level == LIBBPF_WARN ? fputs(text, stderr) : 0;
}

static struct bpf_object *open_object(const char *file, const void *options)
{
	struct bpf_object *object = bpf_object__open_file(file, options);
	struct bpf_program *program;
	struct bpf_map *map;

	if (libbpf_get_error(object))
		return object;
	untyped_count = pinned_count = 0;
	bpf_object__for_each_program(program, object) {
		if (bpf_program__type(program) == BPF_PROG_TYPE_UNSPEC && untyped_count < MAX_FD) {
			bpf_program__set_type(program, BPF_PROG_TYPE_XDP);
			untyped[untyped_count++] = program;
		}
		bpf_program__set_autoload(program, !is_left(bpf_program__name(program)));
	}
	bpf_object__for_each_map(map, object) {
		if (bpf_map__pin_path(map))
			pinned[pinned_count++] = map;
		bpf_map__set_pin_path(map, NULL);
	}
	return object;
}

/* Again without each program that lacks its target: the others say something, too. */
static int load(const char *file, const void *options, struct bpf_object **object)
{
	for (;;) {
		int error;

		*object = open_object(file, options);
		error = libbpf_get_error(*object);
		if (error)
			return error;
		*failing = 0;
		error = bpf_object__load(*object);
		if (!error || !*failing || is_left(failing) || left_count == MAX_FD)
			return error;
		left[left_count++] = strdup(failing);
		bpf_object__close(*object);
	}
}

int main(int argc, char **argv)
{
	const char *kernel_btf = argc > 2 && strcmp(argv[2], "-") ? argv[2] : NULL;
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = kernel_btf, .kconfig = argc > 3 ? argv[3] : NULL);
	struct bpf_object *object;
	struct bpf_program *program;
	struct bpf_map *map;
	struct btf *kernel;
	const char *comma = "";
	int error;

	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("%u.%u\n", libbpf_major_version(), libbpf_minor_version());
		return 0;
	}
	libbpf_set_print(print);
	error = load(argv[1], &options, &object);
	if (error) {
		printf("{\"error\":%d}\n", -error);
		return 0;
	}
	kernel = kernel_btf ? btf__parse(kernel_btf, NULL) : btf__load_vmlinux_btf();
	printf("{\"maps\":[");
	bpf_object__for_each_map(map, object) {
		/* What it leaves out: the map of an empty section, structs of functions that are optional. */
		if (bpf_map__fd(map) < 0 || !made[bpf_map__fd(map)])
			continue;
		printf("%s", comma);
		put_map(object, map);
		comma = ",";
	}
	printf("],\"programs\":[");
	comma = "";
	bpf_object__for_each_program(program, object) {
		if (bpf_program__fd(program) < 0)
			continue;
		printf("%s", comma);
		put_program(object, kernel, program);
		comma = ",";
	}
	printf("]");
	if (bpf_object__btf(object) && bpf_object__btf_fd(object) >= 0) {
		const struct made *m = made[bpf_object__btf_fd(object)];

		printf(",\"btf\":");
		put_hex(m->btf.data, m->btf.size);
	}
	if (left_count) {
		printf(",\"left\":[");
		for (int i = 0; i < left_count; i++) {
			printf("%s", i ? "," : "");
			put_string(left[i]);
		}
		putchar(']');
	}
	printf("}\n");
	return 0;
}
