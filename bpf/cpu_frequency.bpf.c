// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The frequency that the kernel's governor asks of each CPU. As raw_tp: its two arguments are plain numbers, and a raw
 * tracepoint program can be run with arguments of choice (BPF_PROG_TEST_RUN), which is how machines without cpufreq
 * test it.
 */
#include "common.bpf.h"

struct st_activity_settings settings SEC(".data.settings") = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512); /* preallocated: schedutil changes frequencies with a run queue locked */
	__type(key, u32);
	__type(value, struct st_cpu_frequency);
} cpus SEC(".maps");

static __always_inline struct st_cpu_frequency *row_of(u32 cpu)
{
	struct st_cpu_frequency *row = bpf_map_lookup_elem(&cpus, &cpu);

	if (row)
		return row;
	struct st_cpu_frequency fresh = { .cpu = cpu };
	bpf_map_update_elem(&cpus, &cpu, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&cpus, &cpu);
}

SEC("raw_tp/cpu_frequency")
int note_frequency(u64 *ctx)
{
	u32 frequency_khz = ctx[0], cpu = ctx[1];
	struct st_cpu_frequency *row = row_of(cpu);

	if (!row) { /* more CPUs than the map holds */
		__sync_fetch_and_add(&settings.unseen, 1);
		return 0;
	}
	row->frequency_khz = frequency_khz;
	row->changed_ns = bpf_ktime_get_boot_ns();
	__sync_fetch_and_add(&row->changes, 1);
	return 0;
}
