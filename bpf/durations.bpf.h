/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When something began, kept with the task that does it. Include it after activity.bpf.h. */
#ifndef SMOOTHTASK_DURATIONS_BPF_H
#define SMOOTHTASK_DURATIONS_BPF_H

#include "slots.bpf.h"

struct beginning {
	u64 ns;                    /* monotonic: a suspend doesn't count; 0 for none */
	u64 of_what;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE); /* freed with the task: as many as there are tasks, no more */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct beginning);
} beginnings SEC(".maps");

/* Notes that the running task begins something, or counts that it can't. */
static __always_inline void begin(u64 of_what)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct beginning *at = bpf_task_storage_get(&beginnings, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (at) {
		at->of_what = of_what;
		at->ns = bpf_ktime_get_ns();
	} else {
		__sync_fetch_and_add(&settings.unseen, 1);
	}
}

/* How long it took, and what; false if its beginning wasn't seen. */
static __always_inline bool end(u64 *took_ns, u64 *of_what)
{
	struct beginning *at = bpf_task_storage_get(&beginnings, bpf_get_current_task_btf(), 0, 0);

	if (!at || !at->ns)
		return 0;
	*took_ns = bpf_ktime_get_ns() - at->ns;
	*of_what = at->of_what;
	at->ns = 0;
	return 1;
}

#endif
