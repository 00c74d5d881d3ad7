/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A row for each process that did something, for probes that count on hot paths. Include it with ROW defined: a struct
 * that begins with a struct st_actor. Rows are shared by a process's threads, so members are added to atomically.
 */
#ifndef SMOOTHTASK_ACTIVITY_BPF_H
#define SMOOTHTASK_ACTIVITY_BPF_H

struct actor_key {
	u32 tgid, uid;
	u64 start_ns;
	u32 uids_differ, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct actor_key);
	__type(value, ROW);
} actors SEC(".maps");

ROW overflow SEC(".data.overflow") = {};

struct st_activity_settings settings SEC(".data.settings") = {};

#define ADD(member, amount) __sync_fetch_and_add(&(member), amount)

static __always_inline ROW *new_row(const struct actor_key *key, struct task_struct *leader)
{
	ROW fresh = {};

	fresh.actor.pid = visible_pid(leader, key->tgid);
	fresh.actor.uid = key->uid;
	fresh.actor.start_ns = key->start_ns;
	fresh.actor.first_ns = bpf_ktime_get_boot_ns();
	fresh.actor.uids_differ = key->uids_differ;
	bpf_core_read(fresh.actor.comm, sizeof(fresh.actor.comm), &leader->comm);
	bpf_map_update_elem(&actors, key, &fresh, BPF_NOEXIST); /* another CPU may have been first */
	return bpf_map_lookup_elem(&actors, key);
}

static __always_inline ROW *overflow_row(void)
{
	if (!overflow.actor.first_ns)
		overflow.actor.first_ns = bpf_ktime_get_boot_ns();
	return &overflow;
}

/* The running task's, in a zeroed key; returns the leader of its process. */
static __always_inline struct task_struct *own_key(struct actor_key *key)
{
	struct task_struct *task = plain(bpf_get_current_task_btf()), *leader = task->group_leader;
	const struct cred *cred = task->real_cred;

	key->tgid = task->tgid;
	key->uid = cred->euid.val;
	key->start_ns = leader->start_boottime;
	key->uids_differ = uids_differ(cred);
	return leader;
}

/* The running task's row, or the overflow row. */
static __always_inline ROW *own_row_by(struct actor_key *key)
{
	struct task_struct *leader = own_key(key);
	ROW *row = bpf_map_lookup_elem(&actors, key);

	if (!row)
		row = new_row(key, leader);
	return row ? row : overflow_row();
}

static __always_inline ROW *own_row(void)
{
	struct actor_key key = {};

	return own_row_by(&key);
}

#endif
