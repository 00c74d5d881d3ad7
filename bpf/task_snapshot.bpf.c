// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One struct st_task for each task, read in bulk through an iterator: costs nothing between snapshots. */
#include "common.bpf.h"

struct st_snapshot_settings settings SEC(".data.settings") = {};

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
	if (state & 0x40)
		return 'P';
	if (state & 0x20)
		return 'Z';
	if (state & 0x10)
		return 'X';
	if (state & 0x08)
		return 't';
	if (state & 0x04)
		return 'T';
	if (state & 0x02)
		return 'D';
	return state & 0x01 ? 'S' : 'R';
}

static __always_inline void read_own_counters(struct st_task *row, struct task_struct *task)
{
	row->run_ns = task->se.sum_exec_runtime;
	row->run_delay_ns = run_delay_of(task);
	row->minor_faults = task->min_flt;
	row->major_faults = task->maj_flt;
	row->read_bytes = bytes_read(&task->ioac);
	row->write_bytes = bytes_written(&task->ioac);
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
	row->read_bytes += bytes_read(&signal->ioac);
	row->write_bytes += bytes_written(&signal->ioac);
	row->voluntary_switches += signal->nvcsw;
	row->involuntary_switches += signal->nivcsw;
}

static __always_inline void read_process(struct st_task *row, struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	struct mm_struct *mm = task->mm;

	row->parent_pid = visible_tgid(parent);
	if (!row->parent_pid && parent->tgid)
		row->missing |= ST_MISSING_PARENT;
	row->uid = task->real_cred->euid.val;
	row->start_ns = task->start_boottime;
	row->threads = task->signal->nr_threads;
	row->cgroup_id = cgroup_id_of(task);
	if (mm)
		row->rss_bytes = resident_pages(mm) * constants.page_bytes;
}

SEC("iter/task")
int task_snapshot(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct st_task row = {};

	if (!task || task->group_leader->start_boottime >= settings.born_before_ns)
		return 0;
	const struct cred *cred = task->real_cred;
	bool own = cred->euid.val == settings.uid && !uids_differ(cred);
	if (settings.visibility == ST_SEES_OWN && !own)
		return 0;
	row.pid = visible_pid(task, task->pid);
	row.tgid = visible_tgid(task);
	if (!row.pid || !row.tgid)
		return 0;
	read_own_counters(&row, task);
	if (task->pid == task->tgid) {
		add_exited_threads(&row, task->signal);
		read_process(&row, task);
	}
	if (settings.visibility != ST_SEES_ALL && !own) {
		row.read_bytes = row.write_bytes = 0;
		row.missing |= ST_MISSING_IO;
	}
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}
