// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Temperatures, crossed trip points and cooling devices. Each ST_HAS_… says that this kernel has the tracepoint. */
#include "common.h"
#include "events.h"
#include <uapi/linux/thermal.h>

#define NO_TRIP (-1)
#define NO_DEVICE (-1)
#define MOST_ZONES 256

struct zone_reading {
	s32 now_mc, last_mc;
};

/* thermal_zone_trip has no temperature; thermal_temperature of the same zone comes before it (thermal_core.c) */
BPF_TABLE("hash", u32, struct zone_reading, zones, MOST_ZONES);

#ifdef ST_HAS_thermal_temperature
TRACEPOINT_PROBE(thermal, thermal_temperature)
{
	struct st_event_thermal *event = events.ringbuf_reserve(sizeof(struct st_event_thermal));

	if (!event) {
		count_loss();
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_head(&event->head, ST_EVENT_TEMPERATURE, sizeof(*event));
	u32 zone = args->id;
	struct zone_reading reading = { .now_mc = args->temp, .last_mc = args->temp_prev };

	zones.update(&zone, &reading);
	event->zone_id = args->id;
	event->temperature_mc = args->temp;
	event->last_temperature_mc = args->temp_prev;
	event->trip_index = NO_TRIP;
	event->trip_type = NO_TRIP;
	TP_DATA_LOC_READ_STR(&event->zone_type, thermal_zone, sizeof(event->zone_type));
	events.ringbuf_submit(event, 0);
	return 0;
}
#endif

#ifdef ST_HAS_thermal_zone_trip
TRACEPOINT_PROBE(thermal, thermal_zone_trip)
{
	struct st_event_thermal *event = events.ringbuf_reserve(sizeof(struct st_event_thermal));

	if (!event) {
		count_loss();
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_head(&event->head, ST_EVENT_TRIP, sizeof(*event));
	u32 zone = args->id;
	struct zone_reading *known = zones.lookup(&zone);

	event->zone_id = args->id;
	event->temperature_mc = known ? known->now_mc : ST_NO_TEMPERATURE_MC;
	event->last_temperature_mc = known ? known->last_mc : ST_NO_TEMPERATURE_MC;
	event->trip_index = args->trip;
	event->trip_type = args->trip_type;
	TP_DATA_LOC_READ_STR(&event->zone_type, thermal_zone, sizeof(event->zone_type));
	events.ringbuf_submit(event, 0);
	return 0;
}
#endif

#ifdef ST_HAS_cdev_update
TRACEPOINT_PROBE(thermal, cdev_update)
{
	struct st_event_cooling *event = events.ringbuf_reserve(sizeof(struct st_event_cooling));

	if (!event) {
		count_loss();
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	fill_head(&event->head, ST_EVENT_COOLING, sizeof(*event));
	event->device_id = NO_DEVICE;
	event->target_state = args->target;
	TP_DATA_LOC_READ_STR(&event->device_type, type, sizeof(event->device_type));
	events.ringbuf_submit(event, 0);
	return 0;
}
#endif
