// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes that are gone: where their CPU time went, from the arguments of tracepoints alone.
 *
 * sched_stat_runtime tells each stretch of run time as the scheduler books it; its sums, which the reader starts with
 * what /proc tells, replace the kernel's own (bpf/process_events.bpf.c). It is on the scheduler's path: a lookup and
 * an addition each. A thread's time goes to its process when the thread is freed, after its last switch away. A
 * multi-threaded exec frees the old leader under the tid of the thread that called exec (de_thread(), fs/exec.c):
 * that tid never exited, so nothing is counted there. TICK_NS, MOST_TASKS: from the loader.
 */
#include "common.h"
#include "process_maps.h"
#include <linux/sched.h>

#define ANCESTORS 8
#define UNTOLD (ST_MISSING_IO | ST_MISSING_DELAY | ST_MISSING_FAULTS | ST_MISSING_EXIT_CODE)

struct rollup_key {
	u32 parent_pid, uid;
	u64 cgroup_id;
	char comm[ST_COMM_BYTES];
	u32 uids_differ, pad;
};

BPF_F_TABLE("array", u32, struct st_process_settings, settings, 1, BPF_F_MMAPABLE);
BPF_TABLE("hash", u32, struct run, runs, MOST_TASKS);
BPF_TABLE("hash", u32, struct process, processes, MOST_TASKS);
BPF_TABLE("hash", struct rollup_key, struct st_exited, rollups, MOST_ROLLUPS);
BPF_TABLE("percpu_array", u32, struct st_counters, counters, 1);
BPF_RINGBUF_OUTPUT(events, RING_PAGES);

static __always_inline struct st_counters *own_counters(void)
{
	u32 zero = 0;

	return counters.lookup(&zero);
}

#define COUNT(member)                                            \
	do {                                                     \
		struct st_counters *here_ = own_counters();      \
		if (here_)                                       \
			__sync_fetch_and_add(&here_->member, 1); \
	} while (0)

static __always_inline struct st_process_settings *found_settings(void)
{
	u32 zero = 0;

	return settings.lookup(&zero);
}

static __always_inline void count_lost(void)
{
	struct st_process_settings *found = found_settings();

	if (found)
		__sync_fetch_and_add(&found->lost_exits, 1);
}

static __always_inline u64 last_snapshot_ns(void)
{
	struct st_process_settings *found = found_settings();

	return found ? found->last_snapshot_ns : 0;
}

/* The nearest ancestor that the latest snapshot has seen, 0 if there is none within reach. */
static __always_inline u32 seen_ancestor(u32 parent_pid)
{
	u64 before_ns = last_snapshot_ns();
	u32 up = parent_pid;

#pragma unroll
	for (int level = 0; level < ANCESTORS; level++) {
		struct process *found = processes.lookup(&up);
		if (!found)
			return 0;
		if (found->start_ns < before_ns)
			return up;
		up = found->parent_pid;
	}
	return 0;
}

static __always_inline void emit_exit(u32 pid, struct process *who, u64 run_ns, u32 ancestor)
{
	struct st_event_exit *event = events.ringbuf_reserve(sizeof(struct st_event_exit));

	if (!event) {
		count_lost();
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->head.kind = ST_EVENT_EXIT;
	event->head.bytes = sizeof(*event);
	event->head.boottime_ns = bpf_ktime_get_boot_ns();
	event->pid = pid;
	event->parent_pid = ancestor;
	event->uid = who->uid;
	event->start_ns = who->start_ns;
	event->run_ns = run_ns;
	event->cgroup_id = who->cgroup_id;
	event->missing = UNTOLD | (ancestor ? 0 : ST_MISSING_PARENT);
	event->uids_differ = 1; /* only the real uid is told */
	__builtin_memcpy(event->comm, who->comm, sizeof(event->comm));
	events.ringbuf_submit(event, 0);
}

static __always_inline struct st_exited *row_of(struct process *who, u32 ancestor)
{
	struct rollup_key key = {};
	struct st_exited fresh = {};

	key.parent_pid = fresh.parent_pid = ancestor;
	key.uid = fresh.uid = who->uid;
	key.cgroup_id = fresh.cgroup_id = who->cgroup_id;
	key.uids_differ = fresh.uids_differ = 1;
	__builtin_memcpy(key.comm, who->comm, sizeof(key.comm));
	__builtin_memcpy(fresh.comm, who->comm, sizeof(fresh.comm));
	struct st_exited *row = rollups.lookup(&key);
	if (row)
		return row;
	rollups.insert(&key, &fresh); /* another CPU may have been first */
	row = rollups.lookup(&key);
	if (row)
		return row;
	struct st_process_settings *found = found_settings();
	return found ? &found->overflow : NULL;
}

static __always_inline void roll_up(struct process *who, u64 run_ns, u32 ancestor)
{
	u64 now_ns = bpf_ktime_get_boot_ns();
	struct st_exited *row = row_of(who, ancestor);

	if (!row)
		return;
	if (!row->first_ns)
		row->first_ns = now_ns;
	row->last_ns = now_ns;
	row->missing |= UNTOLD | (ancestor ? 0 : ST_MISSING_PARENT);
	__sync_fetch_and_add(&row->count, 1);
	__sync_fetch_and_add(&row->run_ns, run_ns);
	struct st_process_settings *found = found_settings();
	if (found)
		__sync_fetch_and_add(&found->roll_ups, 1);
}

TRACEPOINT_PROBE(task, task_newtask)
{
	struct process fresh = {};
	struct run none = {};
	u32 pid = args->pid;

	runs.update(&pid, &none); /* a brief task may exit before its first sched_stat_runtime */
	if (args->clone_flags & CLONE_THREAD)
		return 0;
	COUNT(forks);
	fresh.start_ns = bpf_ktime_get_boot_ns() / TICK_NS * TICK_NS;
	fresh.parent_pid = bpf_get_current_pid_tgid() >> 32;
	processes.update(&pid, &fresh);
	return 0;
}

TRACEPOINT_PROBE(sched, sched_stat_runtime)
{
	u32 tid = args->pid;
	struct run *known = runs.lookup(&tid);

	if (known) {
		__sync_fetch_and_add(&known->run_ns, args->runtime);
	} else {
		struct run fresh = {};
		fresh.run_ns = args->runtime;
		runs.insert(&tid, &fresh);
	}
	return 0;
}

TRACEPOINT_PROBE(sched, sched_process_exec)
{
	u32 pid = args->pid, old_tid = args->old_pid;

	COUNT(execs);
	if (pid == old_tid)
		return 0;
	struct process *process = processes.lookup(&pid);
	struct run *caller = runs.lookup(&old_tid), *leader = runs.lookup(&pid);
	if (process)
		process->exits = 0;
	if (leader) {
		leader->tgid = 0;
		if (caller)
			__sync_fetch_and_add(&leader->run_ns, caller->run_ns);
	}
	runs.delete(&old_tid);
	return 0;
}

TRACEPOINT_PROBE(sched, sched_process_exit)
{
	u64 both = bpf_get_current_pid_tgid();
	u32 tgid = both >> 32, tid = both;
	struct run *known = runs.lookup(&tid);

	if (known)
		known->tgid = tgid;
	if (tid != tgid)
		return 0;
	struct process *process = processes.lookup(&tgid);
	if (!process) {
		count_lost();
		return 0;
	}
	process->exits = 1;
	process->uid = bpf_get_current_uid_gid();
	process->cgroup_id = bpf_get_current_cgroup_id();
	bpf_get_current_comm(&process->comm, sizeof(process->comm));
	return 0;
}

TRACEPOINT_PROBE(sched, sched_process_free)
{
	u32 tid = args->pid;
	struct run *known = runs.lookup(&tid);
	u32 tgid = known ? known->tgid : 0;
	u64 run_ns = known ? known->run_ns : 0;

	if (known && !tgid)
		return 0;
	if (tgid && tgid != tid) {
		struct process *mine = processes.lookup(&tgid);
		if (mine)
			__sync_fetch_and_add(&mine->gone_ns, run_ns);
		runs.delete(&tid);
		return 0;
	}
	struct process *process = processes.lookup(&tid);
	if (!process || !process->exits)
		return 0;
	struct process who = *process;
	runs.delete(&tid);
	processes.delete(&tid);
	COUNT(exits);
	u32 ancestor = seen_ancestor(who.parent_pid);
	if (who.start_ns < last_snapshot_ns())
		emit_exit(tid, &who, who.gone_ns + run_ns, ancestor);
	else
		roll_up(&who, who.gone_ns + run_ns, ancestor);
	return 0;
}
