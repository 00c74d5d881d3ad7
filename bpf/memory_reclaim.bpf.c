// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long processes had to look for free memory themselves: mm/vmscan.c, do_try_to_free_pages() and its callers. */
#include "common.bpf.h"

#define ROW struct st_reclaim
#include "activity.bpf.h"
#include "durations.bpf.h"

enum { MACHINE = 1, CGROUP = 2 };

static __always_inline void count_reclaim(u64 freed_pages)
{
	u64 took_ns, of_what;

	if (!end(&took_ns, &of_what))
		return;
	ROW *row = own_row();
	if (of_what == MACHINE) {
		ADD(row->machine_count, 1);
		ADD(row->machine_ns, took_ns);
	} else {
		ADD(row->cgroup_count, 1);
		ADD(row->cgroup_ns, took_ns);
	}
	ADD(row->freed_pages, freed_pages);
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int note_machine_reclaim(void *ctx)
{
	begin(MACHINE);
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int BPF_PROG(count_machine_reclaim, unsigned long freed_pages)
{
	count_reclaim(freed_pages);
	return 0;
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int note_cgroup_reclaim(void *ctx)
{
	begin(CGROUP);
	return 0;
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int BPF_PROG(count_cgroup_reclaim, unsigned long freed_pages)
{
	count_reclaim(freed_pages);
	return 0;
}
