// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How much of a graphics card's memory each process has, as drivers tell with gpu_mem_total
 * (include/trace/events/gpu_mem.h): the card's number, the process (0: all of the card), the new total in bytes.
 */
#include "common.bpf.h"

#define NOBODY 0xffffffff

struct st_activity_settings settings SEC(".data.settings") = {};

struct memory_key {
	u32 card, pid;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct memory_key);
	__type(value, struct st_gpu_memory);
} gpu_memory SEC(".maps");

/* The process is usually the one that runs; of another one only the number is known, and nobody owns the row. */
static __always_inline bool fill_actor(struct st_actor *actor, u32 pid)
{
	struct task_struct *task = plain(bpf_get_current_task_btf()), *leader = task->group_leader;
	const struct cred *cred = task->real_cred;

	actor->first_ns = bpf_ktime_get_boot_ns();
	actor->uid = NOBODY;
	if (!pid)
		return 1;
	if ((u32)task->tgid != pid) {
		actor->pid = pid;
		return !constants.pid_namespace; /* the number means another process there */
	}
	actor->pid = visible_pid(leader, pid);
	actor->uid = cred->euid.val;
	actor->uids_differ = uids_differ(cred);
	actor->start_ns = leader->start_boottime;
	bpf_core_read(actor->comm, sizeof(actor->comm), &leader->comm);
	return actor->pid;
}

SEC("raw_tp/gpu_mem_total")
int note_memory(u64 *ctx)
{
	struct memory_key key = { .card = ctx[0], .pid = ctx[1] };
	struct st_gpu_memory *row = bpf_map_lookup_elem(&gpu_memory, &key);

	if (!ctx[2]) {
		bpf_map_delete_elem(&gpu_memory, &key);
		return 0;
	}
	if (row) {
		row->bytes = ctx[2];
		return 0;
	}
	struct st_gpu_memory fresh = { .card = key.card, .bytes = ctx[2] };
	if (!fill_actor(&fresh.actor, key.pid))
		return 0;
	if (bpf_map_update_elem(&gpu_memory, &key, &fresh, BPF_NOEXIST))
		__sync_fetch_and_add(&settings.unseen, 1);
	return 0;
}
