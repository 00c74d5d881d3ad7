// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One struct st_task for each task: costs nothing between snapshots.
 *
 * walk_tasks follows the kernel's own lists of processes and threads, for which it lends programs an iterator since 6.7
 * (c68a78ffe2cb, "bpf: Introduce task open coded iterator kfuncs"). Two thirds of what a task costs task_snapshot, which
 * runs on older kernels, are the steps from one to the next: find its number, take a reference, call the program, copy.
 */
#include "common.bpf.h"

struct st_snapshot_settings snapshot_settings SEC(".data.task_snapshot") = {};

/* get_task_state(), fs/proc/array.c, and task_state_index(), include/linux/sched.h */
enum {
	TASK_UNINTERRUPTIBLE = 0x2,
	TASK_REPORT = 0x7f,
	TASK_IDLE = 0x402,
	TASK_RTLOCK_WAIT = 0x1000,
	TASK_FROZEN = 0x8000,
};

static __always_inline u8 state_of(const struct task_struct *task)
{
	u32 running = task->__state, state = (running | task->exit_state) & TASK_REPORT;
	if ((running & TASK_IDLE) == TASK_IDLE)
		return 'I';
	if (running & (TASK_RTLOCK_WAIT | TASK_FROZEN))
		state |= TASK_UNINTERRUPTIBLE;
	/* the highest bit decides, as fls() there */
	return state & 0x40 ? 'P' : state & 0x20 ? 'Z' : state & 0x10 ? 'X' : state & 0x08 ? 't' :
	       state & 0x04 ? 'T' : state & 0x02 ? 'D' : state & 0x01 ? 'S' : 'R';
}

static __always_inline void read_own_counters(struct st_task *row, struct task_struct *task)
{
	row->run_ns = task->se.sum_exec_runtime;
	row->run_delay_ns = HAS_RUN_DELAY() ? task->sched_info.run_delay : 0;
	row->minor_faults = task->min_flt;
	row->major_faults = task->maj_flt;
	row->read_bytes = BYTES_READ(task);
	row->write_bytes = BYTES_WRITTEN(task);
	row->voluntary_switches = task->nvcsw;
	row->involuntary_switches = task->nivcsw;
	row->missing = missing_here();
	row->state = state_of(task);
	row->is_kernel = !!(task->flags & PF_KTHREAD);
	__builtin_memcpy(row->comm, task->comm, sizeof(row->comm));
}

/* Adds the threads that have exited: __exit_signal(), kernel/exit.c. */
static __always_inline void add_exited_threads(struct st_task *row, const struct signal_struct *signal)
{
	row->run_ns += signal->sum_sched_runtime;
	row->minor_faults += signal->min_flt;
	row->major_faults += signal->maj_flt;
	row->read_bytes += BYTES_READ(signal);
	row->write_bytes += BYTES_WRITTEN(signal);
	row->voluntary_switches += signal->nvcsw;
	row->involuntary_switches += signal->nivcsw;
}

/* Only of a process: a thread's row is made from fewer cache lines, which are what a large snapshot costs. */
static __always_inline void read_process(struct st_task *row, struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	struct signal_struct *signal = task->signal;
	struct mm_struct *mm = task->mm;

	add_exited_threads(row, signal);
	row->parent_pid = visible_pid(parent->group_leader, parent->tgid);
	if (!row->parent_pid && parent->tgid)
		row->missing |= ST_MISSING_PARENT;
	row->threads = signal->nr_threads;
	row->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	if (mm)
		row->rss_bytes = resident_pages(mm) * constants.page_bytes;
}

/* Whether the task has a row: neither too young nor outside the helper's pid namespace. `row` is all zeros before. */
static __always_inline bool read_task(struct st_task *row, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	const struct cred *cred = task->real_cred;

	row->start_ns = leader->start_boottime;
	if (row->start_ns >= snapshot_settings.born_before_ns)
		return 0;
	row->pid = visible_pid(task, task->pid);
	row->tgid = visible_pid(leader, task->tgid);
	if (!row->pid || !row->tgid)
		return 0;
	row->owner = uids_differ(cred) ? ST_NOBODYS : cred->euid.val;
	read_own_counters(row, task);
	if (task->pid == task->tgid) {
		row->uid = cred->euid.val;
		read_process(row, task);
	} else {
		row->start_ns = 0;
	}
	return 1;
}

static __always_inline void note_beginning(void)
{
	if (!snapshot_settings.began_ns)
		snapshot_settings.began_ns = bpf_ktime_get_boot_ns();
}

SEC("iter/task")
int task_snapshot(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct st_task row = {};

	if (!task)
		return 0;
	note_beginning();
	if (read_task(&row, plain(task)))
		bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}

#ifndef ST_WITHOUT_TASK_ITERATOR
/*
 * A run isn't interrupted where the kernel has no preemption, so this is also how long one takes: two to four milliseconds.
 * The next run begins at the task for which there was no room.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ST_MOST_TASK_ROWS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct st_task);
} task_rows SEC(".maps");

enum place { BEFORE_THE_PROCESS, IN_THE_PROCESS, THERE };

/* The tasks of this run follow; the process to come after, if the run ends with a process, is noted. */
static __always_inline bool begin_walk(struct bpf_iter_task *walk)
{
	bool is_there = 1;

	if (snapshot_settings.next != ST_WALK_FROM_TASK) {
		bpf_iter_task_new(walk, NULL, BPF_TASK_ITER_ALL_THREADS);
		return 1;
	}
	struct task_struct *first = bpf_task_from_pid(snapshot_settings.next_pid);
	if (!first || first->start_boottime != snapshot_settings.next_start_ns)
		is_there = 0;
	bpf_iter_task_new(walk, first, BPF_TASK_ITER_PROC_THREADS);
	if (first) {
		snapshot_settings.next_pid = first->tgid;
		snapshot_settings.next_start_ns = plain(first)->group_leader->start_boottime;
		bpf_task_release(first); /* it stays as long as this program runs: RCU */
	}
	return is_there;
}

static __always_inline u32 pass_by(u32 place, const struct task_struct *task)
{
	bool is_in_it = task->tgid == snapshot_settings.next_pid &&
			task->group_leader->start_boottime == snapshot_settings.next_start_ns;

	return is_in_it ? IN_THE_PROCESS : place == IN_THE_PROCESS ? THERE : place;
}

/* Called once a run: for the only element of .data.task_snapshot. */
SEC("iter/bpf_map_elem")
int walk_tasks(struct bpf_iter__bpf_map_elem *ctx)
{
	u32 from = snapshot_settings.next, place = from == ST_WALK_AFTER_PROCESS ? BEFORE_THE_PROCESS : THERE;
	struct bpf_iter_task walk;
	struct task_struct *task;

	if (!ctx->value)
		return 0;
	snapshot_settings.rows = 0;
	u32 rows = *(volatile u32 *)&snapshot_settings.rows; /* known to be 0 it would be followed number by number */
	note_beginning();
	snapshot_settings.is_lost = !begin_walk(&walk);
	snapshot_settings.next = from == ST_WALK_FROM_TASK ? ST_WALK_AFTER_PROCESS : ST_WALK_FROM_THE_FIRST;
	while ((task = bpf_iter_task_next(&walk))) {
		task = plain(task);
		if (place != THERE && (place = pass_by(place, task)) != THERE)
			continue;
		struct st_task *row = bpf_map_lookup_elem(&task_rows, &rows);
		if (!row) {
			snapshot_settings.next = ST_WALK_FROM_TASK;
			snapshot_settings.next_pid = task->pid;
			snapshot_settings.next_start_ns = task->start_boottime;
			break;
		}
		__builtin_memset(row, 0, sizeof(*row));
		rows += read_task(row, task);
	}
	bpf_iter_task_destroy(&walk);
	snapshot_settings.rows = rows;
	if (place == BEFORE_THE_PROCESS)
		snapshot_settings.is_lost = 1;
	return 0;
}
#endif
