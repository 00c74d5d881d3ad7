// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes that are gone: where their CPU time went.
 *
 * sched_process_exit comes before the process is torn down (and since 6.16 before exit_mm()), so its time isn't final
 * there, but only there do its parent, pids and cgroup still hang together: they are kept in the task's storage.
 * sched_process_free comes from delayed_put_task_struct(), an RCU callback after the last switch away: signal_struct
 * then has the sums of all threads. A multi-threaded exec (de_thread(), fs/exec.c) frees the old leader under the
 * tid of the thread that called exec, so pid != tgid there and the process is counted once, at its real end.
 *
 * A task can be freed without the second program: a sandbox kernel may not run BPF programs on top of its supervisor's
 * threads, on which an RCU callback may happen to run. So what has exited and isn't freed is counted by epochs; user space
 * takes off what nobody has reaped (count_unreaped), and what is left of old epochs is lost.
 */
#include "common.bpf.h"

#define ANCESTORS 16 /* how far up a parent that a snapshot has seen is looked for */

struct st_process_settings process_settings SEC(".data.process_events") = { .epoch_ns = 5000000000 };

struct identity {
	u32 pid, parent_pid, uid, uids_differ;
	u64 cgroup_id;
	u32 missing;
	u32 epoch;                 /* of its exit */
	char comm[ST_COMM_BYTES];
};

struct rollup_key {
	u32 parent_pid, uid;
	u64 cgroup_id;
	char comm[ST_COMM_BYTES];
	u32 uids_differ, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE); /* freed with the task: as many as are dying, no more */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct identity);
} identities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rollup_key);
	__type(value, struct st_exited);
} rollups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} process_events_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct st_counters);
} counters SEC(".maps");

#define COUNT(member)                                                           \
	do {                                                                    \
		u32 zero_ = 0;                                                  \
		struct st_counters *here_ = bpf_map_lookup_elem(&counters, &zero_); \
		if (here_)                                                      \
			__sync_fetch_and_add(&here_->member, 1);                \
	} while (0)

#define COUNT_LOST() __sync_fetch_and_add(&process_settings.lost_exits, 1)

/* The nearest ancestor that the latest snapshot has seen: 0 if there is none within reach, or it isn't visible. */
static __always_inline u32 seen_ancestor(struct task_struct *task)
{
	struct task_struct *up = task;

	for (int level = 0; level < ANCESTORS; level++) {
		up = BPF_CORE_READ(up, real_parent, group_leader);
		if (!up || !BPF_CORE_READ(up, tgid))
			return 0;
		if (BPF_CORE_READ(up, start_boottime) < process_settings.last_snapshot_ns)
			return visible_pid(up, BPF_CORE_READ(up, tgid));
	}
	return 0;
}

static __always_inline void keep_identity(struct identity *who, struct task_struct *task, u32 pid)
{
	const struct cred *cred = BPF_CORE_READ(task, real_cred);

	who->pid = pid;
	who->parent_pid = seen_ancestor(task);
	who->missing = missing_here() | (who->parent_pid ? 0 : ST_MISSING_PARENT);
	who->uid = BPF_CORE_READ(cred, euid.val);
	who->uids_differ = BPF_CORE_READ(cred, uid.val) != who->uid || BPF_CORE_READ(cred, suid.val) != who->uid;
	who->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	bpf_core_read(who->comm, sizeof(who->comm), &task->comm);
}

/* What is left of a process when it is freed. */
struct process_totals {
	u64 run_ns, run_delay_ns, major_faults, read_bytes, write_bytes;
};

static __always_inline void read_totals(struct process_totals *sum, struct task_struct *leader)
{
	struct signal_struct *signal = BPF_CORE_READ(leader, signal);

	/*
	 * __exit_signal() adds what se had when the parent reaped it, which may be before the process's last switch away:
	 * for a process of one thread se itself is final.
	 */
	u64 reaped_ns = BPF_CORE_READ(signal, sum_sched_runtime), leader_ns = leader->se.sum_exec_runtime;
	sum->run_ns = reaped_ns > leader_ns ? reaped_ns : leader_ns;
	sum->run_delay_ns = HAS_RUN_DELAY() ? leader->sched_info.run_delay : 0;
	sum->major_faults = BPF_CORE_READ(signal, maj_flt);
	if (HAS_IO_ACCOUNTING()) {
		sum->read_bytes = BPF_CORE_READ(signal, ioac.read_bytes);
		sum->write_bytes = less(BPF_CORE_READ(signal, ioac.write_bytes), BPF_CORE_READ(signal, ioac.cancelled_write_bytes));
	}
}

static __always_inline void emit_exit(const struct identity *who, const struct process_totals *sum, struct task_struct *leader)
{
	struct signal_struct *signal = BPF_CORE_READ(leader, signal);
	struct st_event_exit *event = bpf_ringbuf_reserve(&process_events_ring, sizeof(*event), 0);

	if (!event) {
		COUNT_LOST();
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->head.kind = ST_EVENT_EXIT;
	event->head.bytes = sizeof(*event);
	event->head.boottime_ns = bpf_ktime_get_boot_ns();
	event->pid = who->pid;
	event->parent_pid = who->parent_pid;
	event->uid = who->uid;
	event->exit_code = BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT ? BPF_CORE_READ(signal, group_exit_code) :
									      leader->exit_code;
	event->start_ns = leader->start_boottime;
	event->run_ns = sum->run_ns;
	event->run_delay_ns = sum->run_delay_ns;
	event->major_faults = sum->major_faults;
	event->read_bytes = sum->read_bytes;
	event->write_bytes = sum->write_bytes;
	event->cgroup_id = who->cgroup_id;
	event->missing = who->missing;
	event->uids_differ = who->uids_differ;
	__builtin_memcpy(event->comm, who->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void add(struct st_exited *row, const struct process_totals *sum, u64 now_ns, u32 missing)
{
	if (!row->first_ns)
		row->first_ns = now_ns;
	row->last_ns = now_ns;
	row->missing |= missing;
	__sync_fetch_and_add(&row->count, 1);
	__sync_fetch_and_add(&row->run_ns, sum->run_ns);
	__sync_fetch_and_add(&row->run_delay_ns, sum->run_delay_ns);
	__sync_fetch_and_add(&row->major_faults, sum->major_faults);
	__sync_fetch_and_add(&row->read_bytes, sum->read_bytes);
	__sync_fetch_and_add(&row->write_bytes, sum->write_bytes);
}

static __always_inline void roll_up(const struct identity *who, const struct process_totals *sum)
{
	u64 now_ns = bpf_ktime_get_boot_ns();
	struct rollup_key key = {};

	key.parent_pid = who->parent_pid;
	key.uid = who->uid;
	key.cgroup_id = who->cgroup_id;
	key.uids_differ = who->uids_differ;
	__builtin_memcpy(key.comm, who->comm, sizeof(key.comm));
	struct st_exited *row = bpf_map_lookup_elem(&rollups, &key);
	if (!row) {
		struct st_exited fresh = {};
		fresh.parent_pid = who->parent_pid;
		fresh.uid = who->uid;
		fresh.cgroup_id = who->cgroup_id;
		fresh.uids_differ = who->uids_differ;
		__builtin_memcpy(fresh.comm, who->comm, sizeof(fresh.comm));
		bpf_map_update_elem(&rollups, &key, &fresh, BPF_NOEXIST); /* another CPU may have been first */
		row = bpf_map_lookup_elem(&rollups, &key);
	}
	add(row ? row : &process_settings.overflow, sum, now_ns, who->missing);
	__sync_fetch_and_add(&process_settings.roll_ups, 1);
}

static __always_inline s64 *waiting_in(u32 epoch)
{
	return &process_settings.waiting[epoch % ST_EPOCHS];
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(count_fork, struct task_struct *parent, struct task_struct *child)
{
	if (child->pid == child->tgid)
		COUNT(forks);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(count_exec)
{
	COUNT(execs);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(remember_identity, struct task_struct *task)
{
	if (task->pid != task->tgid)
		return 0;
	u32 pid = visible_pid(task, task->pid);
	if (!pid)
		return 0;
	struct identity *who = bpf_task_storage_get(&identities, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (who) {
		keep_identity(who, task, pid);
		who->epoch = bpf_ktime_get_boot_ns() / process_settings.epoch_ns;
		__sync_fetch_and_add(waiting_in(who->epoch), 1);
	} else {
		COUNT_LOST();
	}
	return 0;
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(count_exit, struct task_struct *task)
{
	struct process_totals sum = {};
	struct identity copy, *who = bpf_task_storage_get(&identities, task, 0, 0);
	const void *unlocked = who ? NULL : unlocked_storage(task, &identities);

	if (unlocked && !bpf_core_read(&copy, sizeof(copy), unlocked))
		who = &copy;
	if (who)
		__sync_fetch_and_add(waiting_in(who->epoch), -1);
	if (task->pid != task->tgid)
		return 0;
	/* Not visible here, exited before we were attached, or there was no memory for it, which remember_identity() counted. */
	if (!who)
		return 0;
	COUNT(exits);
	read_totals(&sum, task);
	if (task->start_boottime < process_settings.last_snapshot_ns)
		emit_exit(who, &sum, task);
	else
		roll_up(who, &sum);
	return 0;
}

/* Tasks are in this iterator until they are reaped. */
SEC("iter/task")
int count_unreaped(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	struct identity *who = bpf_task_storage_get(&identities, task, 0, 0);
	if (who && who->epoch < process_settings.first_young_epoch)
		process_settings.unreaped++;
	return 0;
}
