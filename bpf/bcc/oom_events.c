// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whom the OOM killer chose. ST_MARK_VICTIM_TELLS: the tracepoint has more than the pid (kernel 6.9, some before). */
#include "common.h"
#include "events.h"

TRACEPOINT_PROBE(oom, mark_victim)
{
	struct st_event_oom_kill *event = events.ringbuf_reserve(sizeof(struct st_event_oom_kill));

	if (!event) {
		count_loss();
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_head(&event->head, ST_EVENT_OOM_KILL, sizeof(*event));
	event->pid = args->pid;
	event->missing = ST_MISSING_IDENTITY | ST_MISSING_RSS;
#ifdef ST_MARK_VICTIM_TELLS
	/* in kilobytes: K() in mark_oom_victim()'s callers, include/trace/events/oom.h */
	event->rss_bytes = ((u64)args->anon_rss + args->file_rss + args->shmem_rss) << 10;
	event->total_vm_bytes = (u64)args->total_vm << 10;
	event->uid = args->uid;
	event->oom_score_adj = args->oom_score_adj;
	event->missing = ST_MISSING_START;
	TP_DATA_LOC_READ_STR(&event->comm, comm, sizeof(event->comm));
#endif
	events.ringbuf_submit(event, 0);
	return 0;
}
