/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring buffer of rare events, and its count of losses: a ring buffer keeps none of its own. */
#ifndef SMOOTHTASK_EVENTS_BPF_H
#define SMOOTHTASK_EVENTS_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024);
} events SEC(".maps");

struct st_event_settings settings SEC(".data.settings") = {};

/* A zeroed record with its head filled, or NULL and counted as lost. */
#define new_event(kind_, bytes_)                                                 \
	({                                                                       \
		void *room_ = bpf_ringbuf_reserve(&events, bytes_, 0);           \
		if (room_) {                                                     \
			__builtin_memset(room_, 0, bytes_);                      \
			struct st_event *head_ = room_;                          \
			head_->kind = kind_;                                     \
			head_->bytes = bytes_;                                   \
			head_->boottime_ns = bpf_ktime_get_boot_ns();            \
		} else {                                                         \
			__sync_fetch_and_add(&settings.lost_events, 1);          \
		}                                                                \
		room_;                                                           \
	})

#endif
