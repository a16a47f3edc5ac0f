// What libpcap makes of filter expressions. Arguments: capture files. Each line of standard input is
// "<capture> <optimise> <expression>": the number of a file, from 0; 1 or 0; the rest of the line.
// Each line of standard output answers one: "ok <instructions> <hex>", where the first packet is the highest bit of the
// first digit and 1 says that the packet is accepted, or "error <message>".
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

static void answer(struct capture *capture, int optimise, const char *expression) {
  struct bpf_program program;
  if (pcap_compile(capture->pcap, &program, expression, optimise, 0) != 0) {
    printf("error %s\n", pcap_geterr(capture->pcap));
    return;
  }
  printf("ok %u ", program.bf_len);
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
