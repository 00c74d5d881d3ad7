/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The slot of a duration in a histogram of records.h. */
#ifndef SMOOTHTASK_SLOTS_BPF_H
#define SMOOTHTASK_SLOTS_BPF_H

/* floor(log2(ns)), at most ST_DURATIONS - 1 */
static __always_inline u32 slot_of(u64 ns)
{
	u32 slot = 0, rest = ns >> 32 ? 0xffffffff : ns;

	if (rest >> 16) {
		slot += 16;
		rest >>= 16;
	}
	if (rest >> 8) {
		slot += 8;
		rest >>= 8;
	}
	if (rest >> 4) {
		slot += 4;
		rest >>= 4;
	}
	if (rest >> 2) {
		slot += 2;
		rest >>= 2;
	}
	return (slot + (rest >> 1)) & (ST_DURATIONS - 1);
}

#endif
