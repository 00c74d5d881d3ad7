// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TCP connections that are over, by inet_sock_set_state. The tracepoint tells addresses and states, no bytes. Who
 * connects is the current task; who accepts isn't told. `start_ns` also serves as the cookie: the socket's address,
 * which would tell sockets apart, is the kernel's secret.
 */
#include "common.h"
#include "events.h"

#define IS_TCP 6
#define IS_IPV6 10
#define ESTABLISHED 1 /* include/net/tcp_states.h */
#define SYN_SENT 2
#define CLOSED 7
#define LISTENS 10

struct birth {
	u64 start_ns;
	u32 pid, uid, is_known, pad;
};

BPF_TABLE("lru_hash", u64, struct birth, births, 4 * MOST_TRAFFIC);

TRACEPOINT_PROBE(sock, inet_sock_set_state)
{
	u64 key = (u64)args->skaddr;
	struct birth born = {};

	if (args->protocol != IS_TCP || args->oldstate == LISTENS || args->newstate == LISTENS)
		return 0;
	struct birth *known = births.lookup(&key);
	if (args->newstate != CLOSED) {
		if (known && args->newstate != SYN_SENT)
			return 0;
		born.start_ns = bpf_ktime_get_boot_ns();
		born.is_known = args->newstate == SYN_SENT || args->newstate == ESTABLISHED;
		if (args->newstate == SYN_SENT) {
			born.pid = bpf_get_current_pid_tgid() >> 32;
			born.uid = bpf_get_current_uid_gid();
		}
		births.update(&key, &born);
		return 0;
	}
	if (known)
		born = *known;
	births.delete(&key);

	struct st_event_socket_closed *event = events.ringbuf_reserve(sizeof(struct st_event_socket_closed));
	if (!event) {
		count_loss();
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_head(&event->head, ST_EVENT_SOCKET_CLOSED, sizeof(*event));
	struct st_socket *socket = &event->socket;
	socket->missing = ST_MISSING_TRAFFIC | ST_MISSING_RTT | ST_MISSING_OWNER;
	socket->start_ns = born.is_known ? born.start_ns : event->head.boottime_ns;
	socket->cookie = socket->start_ns;
	if (!born.is_known)
		socket->missing |= ST_MISSING_START;
	socket->pid = born.pid; /* the reader finds its start and clears ST_MISSING_OWNER */
	socket->uid = born.pid ? born.uid : (u32)-1;
	if (!born.pid)
		socket->missing |= ST_MISSING_UID;
	socket->local_port = args->sport;
	socket->remote_port = args->dport;
	socket->family = args->family;
	socket->protocol = IS_TCP;
	socket->state = args->oldstate;
	if (args->family == IS_IPV6) {
		__builtin_memcpy(socket->local, args->saddr_v6, 16);
		__builtin_memcpy(socket->remote, args->daddr_v6, 16);
	} else {
		__builtin_memcpy(socket->local, args->saddr, 4);
		__builtin_memcpy(socket->remote, args->daddr, 4);
	}
	events.ringbuf_submit(event, 0);
	return 0;
}
