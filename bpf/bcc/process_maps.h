/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What process_events.c keeps of living tasks; the reader fills it with those that are older than the program. */
#ifndef SMOOTHTASK_BCC_PROCESS_MAPS_H
#define SMOOTHTASK_BCC_PROCESS_MAPS_H

struct run {
	u64 run_ns;
	u32 tgid; /* 0 until the task exits */
	u32 pad;
};

struct process {
	u64 start_ns;  /* as /proc tells it, in whole clock ticks */
	u64 gone_ns;   /* run time of threads that are freed */
	u64 cgroup_id; /* this and what follows: since it exits */
	u32 parent_pid, uid, exits, pad;
	char comm[ST_COMM_BYTES];
};

#endif
