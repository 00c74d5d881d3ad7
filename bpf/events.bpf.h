/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring buffer of rare events, and its count of losses: a ring buffer keeps none of its own. */
#ifndef SMOOTHTASK_EVENTS_BPF_H
#define SMOOTHTASK_EVENTS_BPF_H

/* Of the object `name_`: its ring buffer and its settings. */
#define RARE_EVENTS(name_)                                                      \
	struct {                                                                \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                             \
		__uint(max_entries, 16 * 1024);                                 \
	} name_##_ring SEC(".maps");                                            \
	struct st_event_settings name_##_settings SEC(".data." #name_) = {};

/* A zeroed record with its head filled, or NULL and counted as lost. */
#define new_event(name_, kind_, bytes_)                                         \
	({                                                                      \
		void *room_ = bpf_ringbuf_reserve(&name_##_ring, bytes_, 0);    \
		if (room_) {                                                    \
			__builtin_memset(room_, 0, bytes_);                     \
			struct st_event *head_ = room_;                         \
			head_->kind = kind_;                                    \
			head_->bytes = bytes_;                                  \
			head_->boottime_ns = bpf_ktime_get_boot_ns();           \
		} else {                                                        \
			__sync_fetch_and_add(&name_##_settings.lost_events, 1); \
		}                                                               \
		room_;                                                          \
	})

#endif
