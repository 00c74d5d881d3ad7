/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring buffer of rare events, and its count of losses; as bpf/events.bpf.h.
 * BCC rewrites map calls in the main file only, so the loader puts this text in the include's place. */
#ifndef SMOOTHTASK_BCC_EVENTS_H
#define SMOOTHTASK_BCC_EVENTS_H

BPF_RINGBUF_OUTPUT(events, RING_PAGES);
BPF_F_TABLE("array", u32, struct st_event_settings, settings, 1, BPF_F_MMAPABLE);

static __always_inline void count_loss(void)
{
	u32 zero = 0;
	struct st_event_settings *found = settings.lookup(&zero);

	if (found)
		__sync_fetch_and_add(&found->lost_events, 1);
}

static __always_inline void fill_head(struct st_event *head, u32 kind, u32 bytes)
{
	head->kind = kind;
	head->bytes = bytes;
	head->boottime_ns = bpf_ktime_get_boot_ns();
}

#endif
