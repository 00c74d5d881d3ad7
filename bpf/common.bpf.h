/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every program needs: constants, pids as the helper's pid namespace sees them, owners. */
#ifndef SMOOTHTASK_COMMON_BPF_H
#define SMOOTHTASK_COMMON_BPF_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "records.h"
#include "settings.h"
#include "core_fixes.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct st_constants constants SEC(".rodata.constants") = {};

/*
 * Asks for the member's cache line now. Once a second none of what a row is made of is in a cache; where each line is first
 * asked for when it is needed, the processor waits for one after another, as it looks only some 500 instructions ahead.
 */
#define FETCH(member_) asm volatile("" : : "r"(member_))

/* A process's pid in the helper's pid namespace, 0 if it is not in it. */
static __always_inline u32 visible_pid(struct task_struct *task, u32 global_pid)
{
	if (!constants.pid_namespace)
		return global_pid;
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 top = BPF_CORE_READ(pid, level);
	for (u32 level = 0; level < MAX_PID_NS_LEVEL; level++) {
		struct upid at;
		if (level > top)
			break;
		if (bpf_core_read(&at, sizeof(at), &pid->numbers[level]))
			break;
		if (BPF_CORE_READ(at.ns, ns.inum) == constants.pid_namespace)
			return at.nr;
	}
	return 0;
}

static __always_inline bool uids_differ(const struct cred *cred)
{
	u32 effective = cred->euid.val;
	return cred->uid.val != effective || cred->suid.val != effective;
}

#endif
