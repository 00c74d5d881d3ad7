// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One struct st_socket for each TCP and UDP socket of the helper's network namespace: costs nothing between snapshots.
 *
 * tcp_sockets walks the kernel's hash table, whose size follows the machine's memory (262,144 buckets are usual), and
 * locks each socket. remembered_sockets walks the sockets that are remembered instead: all TCP sockets since a pass of
 * tcp_sockets, as long as socket_events runs, and UDP sockets since a pass of udp_sockets, or since their first datagram.
 * What is left of closed connections has no memory, only tcp_sockets sees it.
 */
#include "socket_row.bpf.h"

struct st_socket_settings socket_settings SEC(".data.sockets") = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ST_KNOWN_SOCKETS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct st_socket);
} known_sockets SEC(".maps");

static __always_inline bool is_hidden(u32 uid)
{
	return socket_settings.visibility != ST_SEES_ALL && uid != socket_settings.uid;
}

/*
 * A socket without an owner is asked for in its 1st, 2nd, 4th, 8th… snapshot: some have none that could be found.
 * Only once its row is written: where the buffer is full the program runs for the same socket again.
 */
static __always_inline void ask_for_owner(const struct st_socket *row, struct socket_memory *memory)
{
	if (!memory || memory->owner_tgid || !row->inode)
		return;
	u32 asked = ++memory->asked;

	if (!(asked & (asked - 1)))
		socket_settings.unowned++;
}

/* What has no struct tcp_sock: a closed connection's last minute, or a connection that isn't there yet. */
static __always_inline bool read_mini(struct st_socket *row, struct sock_common *common, u32 listener_uid)
{
	row->missing = ST_MISSING_TRAFFIC | ST_MISSING_RTT | ST_MISSING_OWNER | ST_MISSING_START;
	row->start_ns = bpf_ktime_get_boot_ns();
	if (row->state == TCP_TIME_WAIT) {
		struct tcp_timewait_sock *remains = bpf_skc_to_tcp_timewait_sock(common);
		if (remains)
			row->state = remains->tw_sk.tw_substate;
		row->missing |= ST_MISSING_UID;
		return socket_settings.visibility == ST_SEES_ALL;
	}
	row->state = TCP_SYN_RECV;
	row->uid = listener_uid;
	return !is_hidden(listener_uid);
}

SEC("iter/tcp")
int tcp_sockets(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct socket_memory *memory = NULL;
	struct st_socket row = {};

	if (!common)
		return 0;
	row.protocol = IPPROTO_TCP;
	row.net_namespace = socket_settings.net_namespace;
	read_endpoints(&row, common);
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(common);
	if (tcp) {
		struct sock *sk = (struct sock *)tcp;
		row.uid = sk->sk_uid.val;
		if (is_hidden(row.uid))
			return 0;
		row.inode = socket_inode(sk);
		read_traffic(&row, tcp, common->skc_flags);
		read_tcp_queues(&row, sk, tcp);
		memory = remember(&row, tcp, socket_settings.uncounted_ns);
		if (!memory)
			socket_settings.unremembered++;
	} else if (!read_mini(&row, common, ctx->uid)) {
		return 0;
	}
	row.cookie = bpf_get_socket_cookie(common);
	if (memory)
		memory->cookie = row.cookie;
	if (!bpf_seq_write(ctx->meta->seq, &row, sizeof(row)))
		ask_for_owner(&row, memory);
	return 0;
}

/* Whether a table has it: udp_lib_unhash(), net/ipv4/udp.c, takes the port away. */
static __always_inline bool is_listed(u16 protocol, u8 state, u16 port)
{
	return protocol == IPPROTO_TCP ? state != TCP_CLOSE : protocol == IPPROTO_UDP && port;
}

static __always_inline bool is_here(struct sock *sk)
{
	return PLAIN(struct sock, sk)->__sk_common.skc_net.net->ns.inum == socket_settings.net_namespace;
}

/*
 * Takes a seventh off the whole pass (4,000 sockets, measured in pairs).
 * After bpf_skc_to_tcp_sock() it is too late for that, and before 6.2 only that lets a program take a socket for TCP's.
 */
static __always_inline void fetch_socket(struct sock *sk)
{
#ifndef ST_WITHOUT_KFUNCS
	const struct tcp_sock *tcp = PLAIN(struct tcp_sock, sk);

	FETCH(tcp->total_retrans);
	FETCH(tcp->bytes_received);
	FETCH(tcp->bytes_sent);
	FETCH(tcp->rcv_nxt);
	FETCH(tcp->copied_seq);
#endif
}

/*
 * Rows go into a map rather than a seq_file, whose 32 KiB would break the pass off: it would go on by counting, and miss
 * or repeat sockets if some closed meanwhile. Nothing is locked here: a row's numbers may be from slightly different moments,
 * and a socket may be freed and become another one meanwhile. Then its cookie isn't the remembered one any more.
 */
static __always_inline struct st_socket *place_of(bool is_udp)
{
	u32 place = is_udp ? ST_KNOWN_SOCKETS - 1 - socket_settings.known_udp : socket_settings.known;

	if (socket_settings.known + socket_settings.known_udp >= ST_KNOWN_SOCKETS)
		return NULL;
	return bpf_map_lookup_elem(&known_sockets, &place);
}

SEC("iter/bpf_sk_storage_map")
int remembered_sockets(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct socket_memory *memory = ctx->value;
	struct sock *sk = ctx->sk;

	if (!sk || !memory)
		return 0;
	bool is_udp = sk->sk_protocol == IPPROTO_UDP;
	if (!is_listed(sk->sk_protocol, sk->__sk_common.skc_state, sk->__sk_common.skc_num) || !is_here(sk))
		return 0;
	if (is_hidden(sk->sk_uid.val)) {
		socket_settings.bound_udp += is_udp;
		return 0;
	}
	if (!is_udp)
		fetch_socket(sk);
	struct tcp_sock *tcp = is_udp ? NULL : bpf_skc_to_tcp_sock(sk);
	if (!tcp && !is_udp)
		return 0;
	struct st_socket *row = place_of(is_udp);
	if (!row) {
		*(is_udp ? &socket_settings.known_udp : &socket_settings.known) += 1;
		return 0;
	}
	__builtin_memset(row, 0, sizeof(*row));
	row->protocol = is_udp ? IPPROTO_UDP : IPPROTO_TCP;
	row->net_namespace = socket_settings.net_namespace;
	row->uid = sk->sk_uid.val;
	row->inode = socket_inode(sk);
	read_endpoints(row, &sk->__sk_common);
	if (tcp) {
		read_traffic(row, tcp, sk->__sk_common.skc_flags);
		read_tcp_queues(row, sk, tcp);
	} else {
		read_udp(row, sk);
	}
	read_memory(row, memory, socket_settings.uncounted_ns);
	row->cookie = sk->__sk_common.skc_cookie.counter; /* the helper would give one to what may be freed */
	if (row->cookie != memory->cookie || !is_listed(row->protocol, row->state, row->local_port))
		return 0;
	if (is_udp) {
		socket_settings.known_udp++;
		socket_settings.bound_udp++;
	} else {
		socket_settings.known++;
	}
	ask_for_owner(row, memory);
	return 0;
}

SEC("iter/udp")
int udp_sockets(struct bpf_iter__udp *ctx)
{
	struct udp_sock *udp = ctx->udp_sk;
	struct sock *sk = (struct sock *)udp;
	struct st_socket row = {};

	if (!udp)
		return 0;
	row.uid = sk->sk_uid.val;
	if (is_hidden(row.uid))
		return 0;
	row.protocol = IPPROTO_UDP;
	row.net_namespace = socket_settings.net_namespace;
	read_endpoints(&row, &sk->__sk_common);
	row.inode = socket_inode(sk);
	read_udp(&row, sk);
	struct socket_memory *memory = remember(&row, udp, socket_settings.uncounted_ns);
	row.cookie = bpf_get_socket_cookie(udp);
	if (!bpf_seq_write(ctx->meta->seq, &row, sizeof(row)))
		ask_for_owner(&row, memory);
	return 0;
}
