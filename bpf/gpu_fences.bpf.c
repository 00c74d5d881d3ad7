// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What processes wait for and hand to graphics cards, whatever the driver: drivers/dma-buf/dma-fence.c. Raw tracepoints
 * whose arguments aren't looked at: the process is the running one.
 */
#include "common.bpf.h"

#define ROW struct st_gpu_waiter
#include "activity.bpf.h"
#include "durations.bpf.h"

enum { A_FENCE = 1 };

SEC("raw_tp/dma_fence_init")
int count_fence(void *ctx)
{
	ROW *row = own_row();

	ADD(row->fences, 1);
	return 0;
}

SEC("raw_tp/dma_fence_wait_start")
int note_wait(void *ctx)
{
	begin(A_FENCE);
	return 0;
}

SEC("raw_tp/dma_fence_wait_end")
int count_wait(void *ctx)
{
	u64 took_ns, of_what;

	if (!end(&took_ns, &of_what))
		return 0;
	ROW *row = own_row();
	ADD(row->waits, 1);
	ADD(row->wait_ns, took_ns);
	return 0;
}
