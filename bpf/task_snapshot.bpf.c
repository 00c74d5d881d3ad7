// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One struct st_task for each task, read in bulk through an iterator: costs nothing between snapshots. */
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

SEC("iter/task")
int task_snapshot(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct st_task row = {};

	if (!task)
		return 0;
	if (!snapshot_settings.began_ns)
		snapshot_settings.began_ns = bpf_ktime_get_boot_ns();
	task = plain(task);
	struct task_struct *leader = task->group_leader;
	const struct cred *cred = task->real_cred;
	row.start_ns = leader->start_boottime;
	if (row.start_ns >= snapshot_settings.born_before_ns)
		return 0;
	row.pid = visible_pid(task, task->pid);
	row.tgid = visible_pid(leader, task->tgid);
	if (!row.pid || !row.tgid)
		return 0;
	row.owner = uids_differ(cred) ? ST_NOBODYS : cred->euid.val;
	read_own_counters(&row, task);
	if (task->pid == task->tgid) {
		row.uid = cred->euid.val;
		read_process(&row, task);
	} else {
		row.start_ns = 0;
	}
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}
