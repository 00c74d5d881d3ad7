// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How long tasks waited for a CPU. The kernel adds up each task's waits itself (sched_info, kernel/sched/stats.h), so
 * there is no hook where a wait begins and no clock to read: what was added since a task last left a CPU is the wait
 * before the run that now ends. The sum is that of /proc/PID/schedstat. A wait counts when the run after it ends.
 */
#include "common.bpf.h"
#include "slots.bpf.h"

struct st_activity_settings settings SEC(".data.settings") = {};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sched_info___waits {
	unsigned long pcount; /* runs */
	unsigned long long run_delay;
};

struct task_struct___waits {
	struct sched_info___waits sched_info;
};

#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE); /* freed with the task: as many as there are tasks, no more */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} delays SEC(".maps"); /* run_delay when the task last left a CPU */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct st_run_queue);
} waits SEC(".maps");

static __always_inline void count(u64 wait_ns)
{
	u32 zero = 0;
	struct st_run_queue *here = bpf_map_lookup_elem(&waits, &zero);

	if (!here)
		return;
	here->count++;
	here->wait_ns += wait_ns;
	here->durations[slot_of(wait_ns)]++;
	if (wait_ns > here->longest_ns)
		here->longest_ns = wait_ns;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(count_wait, bool preempted, struct task_struct *leaving)
{
	const struct sched_info___waits *kept = &((struct task_struct___waits *)leaving)->sched_info;

	if (!leaving->pid) /* idle */
		return 0;
	u64 delay_ns = kept->run_delay, *before_ns = bpf_task_storage_get(&delays, leaving, 0, 0);
	if (before_ns) {
		count(delay_ns - *before_ns);
		*before_ns = delay_ns;
		return 0;
	}
	if (kept->pcount == 1)
		count(delay_ns);
	if (!bpf_task_storage_get(&delays, leaving, &delay_ns, BPF_LOCAL_STORAGE_GET_F_CREATE))
		__sync_fetch_and_add(&settings.unseen, 1);
	return 0;
}
