// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What no snapshot of sockets can tell: the final bytes of TCP connections that closed in between, datagrams, and who
 * uses a socket. Bytes are summed per process, always; an event for each closed connection comes only while there are few.
 *
 * Packets are handled in whatever task happens to run, so the current task is a socket's user only where the kernel has
 * locked the socket for it: sk_lock.owned is then set, and packets that arrive meanwhile are put aside (tcp_v4_rcv(),
 * net/ipv4/tcp_ipv4.c).
 *
 * Datagrams are counted where only they pass, at the return of udp_sendmsg() and its like, and who accepted a connection is
 * noted at the return of inet_csk_accept(). Where the kernel doesn't take programs there, two tracepoints tell both:
 * the kernel calls them for each message of every kind of socket, so all pay for it. helper/probes/parts.py chooses, and
 * helper/probes/message_guard.py has them stand back while they cost others too much: so they count their own runs.
 */
#include "socket_row.bpf.h"

#define EVENTS_A_SECOND 256 /* a busy server's connections are summed, not told one by one */
#define SECOND_NS 1000000000ull

struct st_traffic_settings traffic_settings SEC(".data.socket_events") = {};

struct process_key {
	u64 start_ns;
	u32 tgid, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct process_key);
	__type(value, struct st_traffic);
} traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 128 * 1024);
} socket_events_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct st_message_runs);
} message_runs SEC(".maps");

struct connection_totals {
	u64 sent_bytes, received_bytes, retransmits;
};

static __always_inline struct st_traffic *overflow_row(void)
{
	if (!traffic_settings.overflow.first_ns)
		traffic_settings.overflow.first_ns = bpf_ktime_get_boot_ns();
	return &traffic_settings.overflow;
}

static __always_inline struct st_traffic *put_row(const struct process_key *key, struct st_traffic *fresh)
{
	if (!fresh->pid)
		return overflow_row();
	fresh->start_ns = key->start_ns;
	fresh->first_ns = bpf_ktime_get_boot_ns();
	fresh->missing = traffic_settings.missing;
	bpf_map_update_elem(&traffic, key, fresh, BPF_NOEXIST); /* another CPU may have been first */
	struct st_traffic *row = bpf_map_lookup_elem(&traffic, key);
	return row ? row : overflow_row();
}

static __always_inline struct st_traffic *row_of_process(u64 start_ns, struct task_struct *task)
{
	struct process_key key = { .start_ns = start_ns, .tgid = task->tgid };
	struct st_traffic *row = bpf_map_lookup_elem(&traffic, &key);

	if (row)
		return row;
	struct st_traffic fresh = {};
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	const struct cred *cred = BPF_CORE_READ(leader, real_cred);
	fresh.pid = visible_pid(leader, key.tgid);
	fresh.uid = BPF_CORE_READ(cred, euid.val);
	fresh.uids_differ = BPF_CORE_READ(cred, uid.val) != fresh.uid || BPF_CORE_READ(cred, suid.val) != fresh.uid;
	bpf_core_read(fresh.comm, sizeof(fresh.comm), &leader->comm);
	return put_row(&key, &fresh);
}

static __always_inline struct st_traffic *row_of_current(void)
{
	struct task_struct *task = plain(bpf_get_current_task_btf());

	return row_of_process(task->group_leader->start_boottime, task);
}

/* Of a socket's owner, who may be gone. */
static __always_inline struct st_traffic *row_of_owner(const struct socket_memory *memory, u32 socket_uid)
{
	struct process_key key = { .start_ns = memory->owner_start_ns, .tgid = memory->owner_tgid };
	struct st_traffic *row = bpf_map_lookup_elem(&traffic, &key);

	if (row)
		return row;
	struct st_traffic fresh = { .pid = memory->owner_pid, .uid = socket_uid };
	return put_row(&key, &fresh);
}

static __always_inline void credit(struct st_traffic *row, const struct connection_totals *sum)
{
	__sync_fetch_and_add(&row->closed_connections, 1);
	__sync_fetch_and_add(&row->tcp_sent_bytes, sum->sent_bytes);
	__sync_fetch_and_add(&row->tcp_received_bytes, sum->received_bytes);
	__sync_fetch_and_add(&row->tcp_retransmits, sum->retransmits);
}

/* The row is made while the owner lives: later its name is gone. */
static __always_inline void make_current_owner(struct socket_memory *memory)
{
	struct task_struct *task = bpf_get_current_task_btf();

	set_owner(memory, task);
	memory->only_accepted = 0;
	row_of_process(memory->owner_start_ns, task);
}

static __always_inline bool may_tell(u64 now_ns)
{
	if (now_ns - traffic_settings.window_ns >= SECOND_NS) {
		traffic_settings.window_ns = now_ns;
		traffic_settings.window_events = 0;
	}
	return traffic_settings.window_events++ < EVENTS_A_SECOND;
}

/* The port is read from inet_sport: tcp_set_state() gives an automatic one back (skc_num) before it tells. */
static __always_inline void tell(struct sock *sk, const struct tcp_sock *tcp, const struct socket_memory *memory, u8 before)
{
	u64 now_ns = bpf_ktime_get_boot_ns();
	struct st_event_socket_closed *event = may_tell(now_ns) ? bpf_ringbuf_reserve(&socket_events_ring, sizeof(*event), 0) : NULL;

	if (!event) {
		__sync_fetch_and_add(&traffic_settings.lost_events, 1);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->head.kind = ST_EVENT_SOCKET_CLOSED;
	event->head.bytes = sizeof(*event);
	event->head.boottime_ns = now_ns;
	struct st_socket *row = &event->socket;
	row->cookie = bpf_get_socket_cookie(sk);
	row->inode = socket_inode(sk);
	row->protocol = IPPROTO_TCP;
	row->uid = sk->sk_uid.val;
	row->net_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	read_endpoints(row, &sk->__sk_common);
	row->local_port = bpf_ntohs(((struct inet_sock *)tcp)->inet_sport);
	row->state = before;
	read_memory(row, memory, 0);
	read_traffic(row, tcp, sk->__sk_common.skc_flags);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void end_connection(struct sock *sk, struct socket_memory *memory, int before)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	if (!tcp || !memory || before == TCP_CLOSE || before == TCP_LISTEN || before == TCP_SYN_SENT)
		return;
	struct connection_totals sum = {
		.sent_bytes = less(tcp->bytes_sent, tcp->bytes_retrans),
		.received_bytes = less(tcp->bytes_received, sk->__sk_common.skc_flags >> SOCK_DONE & 1),
		.retransmits = tcp->total_retrans,
	};
	if (memory->owner_tgid) {
		credit(row_of_owner(memory, sk->sk_uid.val), &sum);
	} else { /* reset by the peer before anybody used it: whoever closes it is its owner, see credit_closer() */
		memory->closed_unowned = 1;
		memory->sent_bytes = sum.sent_bytes;
		memory->received_bytes = sum.received_bytes;
		memory->retransmits = sum.retransmits;
	}
	tell(sk, tcp, memory, before);
}

static __always_inline void settle(struct sock *sk, struct socket_memory *memory)
{
	struct connection_totals sum = { memory->sent_bytes, memory->received_bytes, memory->retransmits };

	memory->closed_unowned = 0;
	credit(sk->sk_lock.owned ? row_of_current() : overflow_row(), &sum);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(follow_connection, struct sock *sk, int before, int after)
{
	bool begins = after == TCP_SYN_SENT || after == TCP_LISTEN;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	struct socket_memory *memory = memory_of(sk);
	if (!memory)
		memory = new_memory(sk, !begins && after != TCP_SYN_RECV);
	if (memory) {
		/* at least 6.1: inet_csk_clone_lock() gives an accepted socket its cookie after it told of SYN_RECV */
		memory->cookie = bpf_get_socket_cookie(sk);
		if (begins) {
			if (memory->closed_unowned)
				settle(sk, memory);
			memory->start_ns = bpf_ktime_get_boot_ns();
			memory->first_seen_late = 0;
		}
		if (sk->sk_lock.owned && (begins || !memory->owner_tgid || memory->only_accepted))
			make_current_owner(memory);
	} else {
		__sync_fetch_and_add(&traffic_settings.unremembered, 1);
	}
	if (after == TCP_CLOSE) {
		__sync_fetch_and_add(&traffic_settings.closings, 1);
		end_connection(sk, memory, before);
	}
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(credit_closer, struct sock *sk)
{
	struct socket_memory *memory = memory_of(sk);

	if (memory && memory->closed_unowned)
		settle(sk, memory);
	return 0;
}

static __always_inline struct socket_memory *owned_memory(struct sock *sk)
{
	struct socket_memory *memory = memory_of(sk);

	if (!memory)
		memory = new_memory(sk, 0);
	if (memory && !memory->owner_tgid)
		set_owner(memory, bpf_get_current_task_btf());
	return memory;
}

static __always_inline void add_sent(struct sock *sk, u32 bytes)
{
	struct st_traffic *row = row_of_current();
	struct socket_memory *memory = owned_memory(sk);

	__sync_fetch_and_add(&row->udp_sent, 1);
	__sync_fetch_and_add(&row->udp_sent_bytes, bytes);
	if (memory)
		__sync_fetch_and_add(&memory->sent_bytes, bytes);
}

static __always_inline void add_received(struct sock *sk, u32 bytes)
{
	struct st_traffic *row = row_of_current();
	struct socket_memory *memory = owned_memory(sk);

	__sync_fetch_and_add(&row->udp_received, 1);
	__sync_fetch_and_add(&row->udp_received_bytes, bytes);
	if (memory)
		__sync_fetch_and_add(&memory->received_bytes, bytes);
}

/* A datagram that was looked at is yet to be received; one of the error queue is a sent one that comes back. */
static __always_inline bool takes_datagram(int flags)
{
	return !(flags & (MSG_PEEK | MSG_ERRQUEUE));
}

static __always_inline bool returned(void *ctx, s32 *bytes)
{
	u64 result = 0;

	bpf_get_func_ret(ctx, &result);
	*bytes = result;
	return *bytes >= 0;
}

/* UDP-Lite shares the functions. udpv6_sendmsg() has udp_sendmsg() send what goes to an IPv4 address: once is enough. */
static __always_inline bool is_udp(struct sock *sk, u16 family)
{
	return sk->sk_protocol == IPPROTO_UDP && sk->__sk_common.skc_family == family;
}

static __always_inline int note_sent(u64 *ctx, u16 family)
{
	struct sock *sk = (struct sock *)ctx[0];
	s32 bytes;

	if (is_udp(sk, family) && returned(ctx, &bytes))
		add_sent(sk, bytes);
	return 0;
}

static __always_inline int note_received(u64 *ctx, u16 family)
{
	struct sock *sk = (struct sock *)ctx[0];
	s32 bytes;

	if (is_udp(sk, family) && returned(ctx, &bytes) && takes_datagram(receive_flags(ctx)))
		add_received(sk, bytes);
	return 0;
}

SEC("fexit/udp_sendmsg")
int udp4_sent(u64 *ctx)
{
	return note_sent(ctx, AF_INET);
}

SEC("fexit/udp_recvmsg")
int udp4_received(u64 *ctx)
{
	return note_received(ctx, AF_INET);
}

SEC("fexit/udpv6_sendmsg")
int udp6_sent(u64 *ctx)
{
	return note_sent(ctx, AF_INET6);
}

SEC("fexit/udpv6_recvmsg")
int udp6_received(u64 *ctx)
{
	return note_received(ctx, AF_INET6);
}

/* Whoever accepted a connection owns it until somebody else is seen to use it: follow_connection(), socket_owners. */
SEC("fexit/inet_csk_accept")
int accepted(u64 *ctx)
{
	struct sock *sk = accepted_socket(ctx, constants.accept_takes_struct);
	struct socket_memory *memory = sk ? memory_of(sk) : NULL;

	if (memory && !memory->owner_tgid) {
		make_current_owner(memory);
		memory->only_accepted = 1;
	}
	return 0;
}

static __always_inline bool is_inet(struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6;
}

static __always_inline bool is_datagram(struct sock *sk, u16 protocol)
{
	return protocol == IPPROTO_UDP && is_inet(sk) && sk->sk_type == SOCK_DGRAM;
}

static __always_inline int note_run(bool is_useful)
{
	u32 only = 0;
	struct st_message_runs *runs = bpf_map_lookup_elem(&message_runs, &only);

	if (!runs)
		return 0;
	if (is_useful)
		runs->useful++;
	else
		runs->idle++;
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(count_sent, struct sock *sk, int result, int flags)
{
	bool is_sent = result >= 0 && is_datagram(sk, sk->sk_protocol);

	if (is_sent)
		add_sent(sk, result);
	return note_run(is_sent);
}

/* The first to read from a TCP connection is its owner: whoever accepted it may have handed it on. */
static __always_inline bool note_reader(struct sock *sk)
{
	struct socket_memory *memory = memory_of(sk);

	if (!memory || memory->owner_tgid)
		return 0;
	make_current_owner(memory);
	return 1;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(count_received, struct sock *sk, int result, int flags)
{
	u16 protocol = sk->sk_protocol;

	if (result < 0 || !takes_datagram(flags))
		return note_run(0);
	if (protocol == IPPROTO_TCP)
		return note_run(is_inet(sk) && note_reader(sk));
	bool is_received = is_datagram(sk, protocol);
	if (is_received)
		add_received(sk, result);
	return note_run(is_received);
}
