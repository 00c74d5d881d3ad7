// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Says what thermal_events.bpf.c says, of a zone that isn't there: for machines whose thermal zones don't get hot. */
#include "../bpf/common.bpf.h"
#include "../bpf/events.bpf.h"

RARE_EVENTS(thermal_events)

SEC("syscall")
int write_event(struct st_event_thermal *given)
{
	struct st_event_thermal *event = new_event(thermal_events, given->head.kind, sizeof(*event));

	if (!event)
		return 1;
	event->zone_id = given->zone_id;
	event->temperature_mc = given->temperature_mc;
	event->last_temperature_mc = given->last_temperature_mc;
	event->trip_index = given->trip_index;
	event->trip_type = given->trip_type;
	__builtin_memcpy(event->zone_type, given->zone_type, sizeof(event->zone_type));
	bpf_ringbuf_submit(event, 0);
	return 0;
}
