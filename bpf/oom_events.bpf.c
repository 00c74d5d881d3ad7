// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whom the OOM killer chose, at the moment it did. */
#include "common.bpf.h"
#include "events.bpf.h"

RARE_EVENTS(oom_events)

static __always_inline void describe_victim(struct st_event_oom_kill *event, struct task_struct *victim)
{
	struct task_struct *leader = BPF_CORE_READ(victim, group_leader);
	struct mm_struct *mm = victim->mm; /* not BPF_CORE_READ: resident_pages() follows a typed pointer */

	event->pid = visible_pid(leader, BPF_CORE_READ(victim, tgid));
	event->uid = BPF_CORE_READ(victim, real_cred, euid.val);
	event->start_ns = BPF_CORE_READ(leader, start_boottime);
	event->cgroup_id = BPF_CORE_READ(victim, cgroups, dfl_cgrp, kn, id);
	event->oom_score_adj = BPF_CORE_READ(victim, signal, oom_score_adj);
	bpf_core_read(event->comm, sizeof(event->comm), &leader->comm);
	if (mm) {
		event->rss_bytes = resident_pages(mm) * constants.page_bytes;
		event->total_vm_bytes = BPF_CORE_READ(mm, total_vm) * constants.page_bytes;
	} else {
		event->missing |= ST_MISSING_RSS;
	}
}

SEC("tp_btf/mark_victim")
int report_oom_kill(u64 *ctx)
{
	struct st_event_oom_kill *event = new_event(oom_events, ST_EVENT_OOM_KILL, sizeof(*event));

	if (!event)
		return 0;
	if (bpf_core_field_exists(struct trace_event_raw_mark_victim___since_6_9, uid)) {
		describe_victim(event, plain((struct task_struct *)ctx[0]));
	} else {
		event->pid = constants.pid_namespace ? 0 : (u32)ctx[0];
		event->missing = ST_MISSING_IDENTITY | ST_MISSING_RSS;
	}
	if (event->pid)
		bpf_ringbuf_submit(event, 0);
	else
		bpf_ringbuf_discard(event, 0);
	return 0;
}
