// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Temperatures, crossed trip points and cooling devices, when the kernel's thermal core acts on them. */
#include "common.bpf.h"
#include "events.bpf.h"

RARE_EVENTS(thermal_events)

#define NO_TRIP (-1)

static __always_inline void describe_zone(struct st_event_thermal *event, struct thermal_zone_device *zone)
{
	event->zone_id = BPF_CORE_READ(zone, id);
	event->temperature_mc = BPF_CORE_READ(zone, temperature);
	event->last_temperature_mc = BPF_CORE_READ(zone, last_temperature);
	event->trip_index = NO_TRIP;
	event->trip_type = NO_TRIP;
	bpf_probe_read_kernel_str(event->zone_type, sizeof(event->zone_type), zone->type);
}

SEC("tp_btf/thermal_temperature")
int BPF_PROG(report_temperature, struct thermal_zone_device *zone)
{
	struct st_event_thermal *event = new_event(thermal_events, ST_EVENT_TEMPERATURE, sizeof(*event));

	if (!event)
		return 0;
	describe_zone(event, zone);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/thermal_zone_trip")
int BPF_PROG(report_trip, struct thermal_zone_device *zone, int trip, int trip_type)
{
	struct st_event_thermal *event = new_event(thermal_events, ST_EVENT_TRIP, sizeof(*event));

	if (!event)
		return 0;
	describe_zone(event, zone);
	event->trip_index = trip;
	event->trip_type = trip_type;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/cdev_update")
int BPF_PROG(report_cooling, struct thermal_cooling_device *device, unsigned long target)
{
	struct st_event_cooling *event = new_event(thermal_events, ST_EVENT_COOLING, sizeof(*event));

	if (!event)
		return 0;
	event->device_id = BPF_CORE_READ(device, id);
	event->target_state = target;
	event->max_state = HAS_MAX_STATE() ? BPF_CORE_READ(device, max_state) : 0;
	bpf_probe_read_kernel_str(event->device_type, sizeof(event->device_type), BPF_CORE_READ(device, type));
	bpf_ringbuf_submit(event, 0);
	return 0;
}
