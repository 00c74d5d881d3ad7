/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is remembered of a socket, in the socket itself: its owner and its age, which the kernel keeps nowhere, and a UDP
 * socket's bytes. Freed with the socket, so it needs no bound of its own: there are as many as sockets. The programs of
 * three objects share the map; each works alone too, with a map of its own that only it fills.
 */
#ifndef SMOOTHTASK_SOCKET_MEMORY_H
#define SMOOTHTASK_SOCKET_MEMORY_H

#include "common.bpf.h"

struct socket_memory {
	u64 start_ns;              /* boot time */
	u64 owner_start_ns;
	u32 owner_tgid;            /* 0: not known */
	u32 owner_pid;             /* as the helper sees it */
	u32 first_seen_late;       /* 1: start_ns is when the socket was first seen */
	u32 asked;                 /* passes that found it without an owner */
	u64 cookie;                /* the socket's; up to here in one cache line with the map's own head */
	u32 confirmed_pass;        /* of socket_owners: the last one in which the owner held it */
	u32 closed_unowned;        /* 1: closed before anybody was known to own it, its totals follow */
	u32 shown_pass;            /* of socket_owners: the last one that wrote a row of it */
	u32 only_accepted;         /* 1: the owner accepted the connection, which it may yet hand on */
	u64 sent_bytes, received_bytes;
	u64 retransmits;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_memory);
} socket_memories SEC(".maps");

static __always_inline struct socket_memory *memory_of(void *sk)
{
	return bpf_sk_storage_get(&socket_memories, sk, 0, 0);
}

static __always_inline struct socket_memory *new_memory(void *sk, u32 first_seen_late)
{
	struct socket_memory *memory = bpf_sk_storage_get(&socket_memories, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (memory && !memory->start_ns) {
		memory->start_ns = bpf_ktime_get_boot_ns();
		memory->first_seen_late = first_seen_late;
		memory->cookie = bpf_get_socket_cookie(sk);
	}
	return memory;
}

/* BPF_CORE_READ() where it is rare: the verifier takes a millisecond for each pointer loaded from a trusted one. */
static __always_inline void set_owner(struct socket_memory *memory, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	memory->owner_start_ns = BPF_CORE_READ(leader, start_boottime);
	memory->owner_pid = visible_pid(leader, task->tgid);
	memory->owner_tgid = task->tgid;
}

#endif
