// SPDX-License-Identifier: MIT
//
// A congestion control: functions of a kernel struct, with what they may store to and what not.
typedef unsigned int u32;
typedef unsigned char u8;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define CORE __attribute__((preserve_access_index))

char LICENSE[] SEC("license") = "GPL";

struct sock { unsigned long sk_pacing_rate; } CORE;
struct inet_connection_sock { u64 icsk_ca_priv[13]; } CORE;
struct tcp_sock { u32 snd_cwnd, snd_ssthresh, snd_cwnd_cnt, prior_cwnd, srtt_us; } CORE;
struct ack_sample { u32 pkts_acked; int rtt_us; } CORE;
struct tcp_congestion_ops {
	u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, u32 ack, u32 acked);
	void (*set_state)(struct sock *sk, u8 new_state);
	void (*pkts_acked)(struct sock *sk, const struct ack_sample *sample);
	u32 (*undo_cwnd)(struct sock *sk);
	void (*init)(struct sock *sk);
	void (*release)(struct sock *sk);
	char name[16];
};

static long (*bpf_tcp_send_ack)(void *tp, u32 rcv_nxt) = (void *)116;
static long (*bpf_setsockopt)(void *sk, int level, int name, void *value, int size) = (void *)49;

SEC("struct_ops") u32 control_ssthresh(u64 *ctx)
{
	struct tcp_sock *tp = (void *)ctx[0];
	u32 half = tp->snd_cwnd / 2;

	return half > 2 ? half : 2;
}

SEC("struct_ops") void control_cong_avoid(u64 *ctx)
{
	struct tcp_sock *tp = (void *)ctx[0];
	u32 acked = ctx[2];

	if (tp->snd_cwnd < tp->snd_ssthresh)
		tp->snd_cwnd += acked;
	else if (++tp->snd_cwnd_cnt >= tp->snd_cwnd)
		tp->snd_cwnd_cnt = 0;
}

// Not one of the fields.
SEC("struct_ops") void control_set_state(u64 *ctx)
{
	((struct tcp_sock *)ctx[0])->prior_cwnd = ctx[1];
}

SEC("struct_ops") void control_pkts_acked(u64 *ctx)
{
	struct inet_connection_sock *icsk = (void *)ctx[0];
	struct ack_sample *sample = (void *)ctx[1];

	icsk->icsk_ca_priv[1] = sample->rtt_us;
	*(u8 *)&icsk->icsk_ca_priv[2] = 1;
}

SEC("struct_ops") u32 control_undo_cwnd(u64 *ctx)
{
	struct tcp_sock *tp = (void *)ctx[0];

	bpf_tcp_send_ack(tp, 1);
	return tp->snd_cwnd;
}

SEC("struct_ops") void control_init(u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	int on = 1;

	sk->sk_pacing_rate = ~0UL;
	bpf_setsockopt(sk, 6, 1, &on, sizeof(on));
}

// The helper is for all functions but this one.
SEC("struct_ops") void control_release(u64 *ctx)
{
	int on = 1;

	bpf_setsockopt((void *)ctx[0], 6, 1, &on, sizeof(on));
}

SEC(".struct_ops") struct tcp_congestion_ops control = {
	.ssthresh = (void *)control_ssthresh,
	.cong_avoid = (void *)control_cong_avoid,
	.set_state = (void *)control_set_state,
	.pkts_acked = (void *)control_pkts_acked,
	.undo_cwnd = (void *)control_undo_cwnd,
	.init = (void *)control_init,
	.release = (void *)control_release,
	.name = "skep_control",
};
