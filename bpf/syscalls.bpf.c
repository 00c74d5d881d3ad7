// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * System calls: how many and how long, by process and by number. On the hottest path there is, so opt-in. A call counts
 * when it returns, so exit and exit_group never do; the child's side of a fork returns without having entered.
 */
#include "common.bpf.h"
#include "kernel_calls.h"

#define ROW struct st_caller
#include "activity.bpf.h"
#include "durations.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH); /* most numbers are never called */
	__uint(max_entries, OTHER_CALLS + 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct st_syscall);
} numbers SEC(".maps");

static __always_inline struct st_syscall *row_of(u32 number)
{
	struct st_syscall *row = bpf_map_lookup_elem(&numbers, &number);

	if (row)
		return row;
	struct st_syscall fresh = {};
	fresh.number = number < OTHER_CALLS ? number : -1;
	bpf_map_update_elem(&numbers, &number, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&numbers, &number);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(note_call, struct pt_regs *regs, long number)
{
	begin(number < 0 || number > OTHER_CALLS || is_compat() ? OTHER_CALLS : number);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(count_call, struct pt_regs *regs, long result)
{
	bool failed = result < 0 && result >= -4095; /* MAX_ERRNO, include/linux/err.h */
	u64 took_ns, number;

	if (!end(&took_ns, &number))
		return 0;
	ROW *caller = own_row();
	ADD(caller->calls, 1);
	ADD(caller->call_ns, took_ns);
	if (failed)
		ADD(caller->failed, 1);
	struct st_syscall *row = row_of(number);
	if (!row) {
		ADD(settings.unseen, 1);
		return 0;
	}
	row->calls++;
	row->call_ns += took_ns;
	row->durations[slot_of(took_ns)]++;
	row->failed += failed;
	return 0;
}
