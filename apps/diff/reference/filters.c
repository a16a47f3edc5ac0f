// What libpcap makes of filter expressions. Arguments: capture files. Each line of standard input is
// "<capture> <optimise> <expression>": the number of a file, from 0; 1 or 0; the rest of the line.
// Each line of standard output answers one: "ok <instructions> <hex>", where the first packet is the highest bit of the
// first digit and 1 says that the packet is accepted, "unsure <instructions> <hex>" where the code reads a word of memory that
// it may not have written (Linux takes no such code, and what libpcap reads there is anything), or "error <message>".
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packet {
  struct pcap_pkthdr header;
  u_char *data;
};

struct capture {
  pcap_t *pcap;
  struct packet *packets;
  int count;
};

static void read_capture(struct capture *capture, const char *file) {
  char message[PCAP_ERRBUF_SIZE];
  capture->pcap = pcap_open_offline(file, message);
  if (capture->pcap == NULL) {
    fprintf(stderr, "%s: %s\n", file, message);
    exit(2);
  }
  struct pcap_pkthdr *header;
  const u_char *data;
  int room = 0;
  while (pcap_next_ex(capture->pcap, &header, &data) == 1) {
    if (capture->count == room) {
      room = room == 0 ? 64 : room * 2;
      capture->packets = realloc(capture->packets, room * sizeof *capture->packets);
    }
    struct packet *packet = &capture->packets[capture->count++];
    packet->header = *header;
    packet->data = malloc(header->caplen + 1);
    memcpy(packet->data, data, header->caplen);
  }
}

// Whether some path reads a word of memory that nothing has written on it (net/core/filter.c, check_load_and_stores).
static int reads_unwritten(const struct bpf_program *program) {
  unsigned count = program->bf_len;
  unsigned short *written = malloc(count * sizeof *written);
  memset(written, 0xff, count * sizeof *written);
  unsigned short now = 0;
  int found = 0;
  for (unsigned at = 0; at < count; at++) {
    const struct bpf_insn *insn = &program->bf_insns[at];
    now &= written[at];
    unsigned targets[2] = {count, count};
    switch (BPF_CLASS(insn->code)) {
      case BPF_ST:
      case BPF_STX:
        now |= 1 << insn->k;
        break;
      case BPF_LD:
      case BPF_LDX:
        if (BPF_MODE(insn->code) == BPF_MEM && !(now & (1 << insn->k))) found = 1;
        break;
      case BPF_JMP:
        targets[0] = at + 1 + (BPF_OP(insn->code) == BPF_JA ? insn->k : insn->jt);
        targets[1] = BPF_OP(insn->code) == BPF_JA ? count : at + 1 + insn->jf;
        break;
      case BPF_RET:
        now = 0xffff;
        continue;
    }
    if (BPF_CLASS(insn->code) != BPF_JMP) continue;
    // Jumps of protochain go back: what is known there holds already.
    for (int n = 0; n < 2; n++) if (targets[n] > at && targets[n] < count) written[targets[n]] &= now;
    now = 0xffff;
  }
  free(written);
  return found;
}

static void answer(struct capture *capture, int optimise, const char *expression) {
  struct bpf_program program;
  if (pcap_compile(capture->pcap, &program, expression, optimise, 0) != 0) {
    printf("error %s\n", pcap_geterr(capture->pcap));
    return;
  }
  printf("%s %u ", reads_unwritten(&program) ? "unsure" : "ok", program.bf_len);
  for (int at = 0; at < capture->count; at += 4) {
    int digit = 0;
    for (int n = at; n < at + 4; n++) {
      digit *= 2;
      if (n >= capture->count) continue;
      const struct packet *packet = &capture->packets[n];
      if (pcap_offline_filter(&program, &packet->header, packet->data) != 0) digit++;
    }
    putchar("0123456789abcdef"[digit]);
  }
  putchar('\n');
  pcap_freecode(&program);
}

int main(int count, char **files) {
  struct capture *captures = calloc(count, sizeof *captures);
  for (int n = 1; n < count; n++) read_capture(&captures[n - 1], files[n]);
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  while ((length = getline(&line, &room, stdin)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    int capture, optimise, start = 0;
    if (sscanf(line, "%d %d %n", &capture, &optimise, &start) < 2 || start == 0 || capture < 0 || capture >= count - 1) {
      fprintf(stderr, "no question: %s\n", line);
      return 2;
    }
    answer(&captures[capture], optimise, line + start);
    fflush(stdout);
  }
  return 0;
}
