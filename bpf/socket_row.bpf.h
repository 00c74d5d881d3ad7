/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a struct st_socket is read from a socket: the same in a snapshot and at its end. */
#ifndef SMOOTHTASK_SOCKET_ROW_H
#define SMOOTHTASK_SOCKET_ROW_H

#include "socket_memory.bpf.h"
#include <bpf/bpf_endian.h>

static __always_inline void read_endpoints(struct st_socket *row, const struct sock_common *common)
{
	row->family = common->skc_family;
	row->state = common->skc_state;
	row->local_port = common->skc_num;
	row->remote_port = bpf_ntohs(common->skc_dport);
	row->interface_index = common->skc_bound_dev_if;
	if (row->family == AF_INET) {
		*(__be32 *)row->local = common->skc_rcv_saddr;
		*(__be32 *)row->remote = common->skc_daddr;
	} else if (bpf_core_field_exists(common->skc_v6_daddr)) {
		for (int word = 0; word < 4; word++) {
			((__be32 *)row->local)[word] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[word];
			((__be32 *)row->remote)[word] = common->skc_v6_daddr.in6_u.u6_addr32[word];
		}
		row->is_ipv6_only = BPF_CORE_READ_BITFIELD(common, skc_ipv6only);
	}
}

/* `uncounted_ns`: of struct st_socket_settings, or 0 where no datagrams are shown. */
static __always_inline void read_memory(struct st_socket *row, const struct socket_memory *memory, u64 uncounted_ns)
{
	row->start_ns = memory->start_ns;
	if (memory->first_seen_late)
		row->missing |= ST_MISSING_START;
	row->pid = memory->owner_pid;
	row->pid_start_ns = memory->owner_start_ns;
	if (!row->pid)
		row->missing |= ST_MISSING_OWNER;
	if (row->protocol == IPPROTO_UDP) {
		row->sent_bytes = memory->sent_bytes;
		row->received_bytes = memory->received_bytes;
		if (memory->start_ns <= uncounted_ns)
			row->missing |= ST_MISSING_TRAFFIC;
	}
}

/*
 * bytes_sent counts retransmitted bytes again, bytes_retrans those alone; neither has SYN or FIN. bytes_received counts
 * the FIN as a byte (tcp_rcv_nxt_update() with the segment's end_seq); only tcp_fin() sets SOCK_DONE. net/ipv4/tcp_input.c
 */
static __always_inline void read_traffic(struct st_socket *row, const struct tcp_sock *tcp, unsigned long flags)
{
	row->sent_bytes = less(tcp->bytes_sent, tcp->bytes_retrans);
	row->received_bytes = less(tcp->bytes_received, flags >> SOCK_DONE & 1);
	row->retransmits = tcp->total_retrans;
	row->rtt_us = tcp->srtt_us >> 3;
	if (!tcp->srtt_us)
		row->missing |= ST_MISSING_RTT;
}

static __always_inline struct socket_memory *remember(struct st_socket *row, void *sk, u64 uncounted_ns)
{
	struct socket_memory *memory = memory_of(sk);

	if (!memory)
		memory = new_memory(sk, 1);
	if (!memory) {
		row->missing |= ST_MISSING_START | ST_MISSING_OWNER | (row->protocol == IPPROTO_UDP ? ST_MISSING_TRAFFIC : 0);
		row->start_ns = bpf_ktime_get_boot_ns();
		return NULL;
	}
	read_memory(row, memory, uncounted_ns);
	return memory;
}

/* udp_diag_get_info(), net/ipv4/udp_diag.c; one reference of sk_wmem_alloc is the socket's own */
static __always_inline void read_udp(struct st_socket *row, const struct sock *sk)
{
	const struct udp_sock *udp = (const struct udp_sock *)sk;

	row->missing |= ST_MISSING_RTT;
	row->receive_queue_bytes = less(sk->sk_backlog.rmem_alloc.counter, BPF_CORE_READ(udp, forward_deficit));
	row->send_queue_bytes = less(sk->sk_wmem_alloc.refs.counter, 1);
}

/* tcp_diag_get_info(), net/ipv4/tcp_diag.c */
static __always_inline void read_tcp_queues(struct st_socket *row, const struct sock *sk, const struct tcp_sock *tcp)
{
	s32 unread = tcp->rcv_nxt - tcp->copied_seq;

	if (row->state == TCP_LISTEN) {
		row->receive_queue_bytes = sk->sk_ack_backlog;
		row->send_queue_bytes = sk->sk_max_ack_backlog;
	} else {
		row->receive_queue_bytes = unread > 0 ? unread : 0;
		row->send_queue_bytes = tcp->write_seq - tcp->snd_una;
	}
}

#endif
