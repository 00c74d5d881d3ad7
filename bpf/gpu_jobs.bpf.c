// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How long a process's jobs kept a graphics card busy: drivers/gpu/drm/scheduler/, for cards whose driver uses it.
 *
 * A job is known by its fence: a process queues it, the scheduler runs it in a kernel thread, the hardware's interrupt
 * ends it. A ring takes its jobs one after another, so a job's time begins when it was handed over or, if that is later,
 * when the job before it ended. The scheduler is a module, whose type information takes CAP_SYS_ADMIN to load: so these
 * are raw tracepoints, and user space tells where two pointers lie (st_gpu_offsets).
 *
 * Each has two names: they were renamed in 2025, when they became stable interface (gpu_scheduler_trace.h).
 */
#include "common.bpf.h"

#define ROW struct st_gpu_user
#include "activity.bpf.h"

struct st_gpu_offsets offsets SEC(".data.offsets") = {};

struct job {
	struct actor_key owner;
	u64 run_ns;                /* 0 until it is handed to the hardware */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* jobs that never end (their context died) make room */
	__uint(max_entries, 1024);
	__type(key, u64);          /* address of the job's fence */
	__type(value, struct job);
} jobs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, u64);          /* address of the ring's scheduler */
	__type(value, u64);        /* when its latest job ended, monotonic */
} rings SEC(".maps");

static __always_inline u64 pointer_at(u64 address, u32 offset)
{
	u64 found = 0;

	bpf_probe_read_kernel(&found, sizeof(found), (void *)(address + offset));
	return found;
}

static __always_inline int note_queued(u64 job)
{
	struct job fresh = {};

	if (!offsets.known)
		return 0;
	own_row_by(&fresh.owner); /* made here: the end of a job may not allocate */
	u64 fence = pointer_at(job, offsets.job_fence);
	bpf_map_update_elem(&jobs, &fence, &fresh, 0);
	return 0;
}

static __always_inline int note_run(u64 job)
{
	u64 fence = pointer_at(job, offsets.job_fence);
	struct job *known = bpf_map_lookup_elem(&jobs, &fence);

	if (known)
		known->run_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int count_done(u64 fence)
{
	struct job *known = bpf_map_lookup_elem(&jobs, &fence);

	if (!known || !known->run_ns)
		return 0;
	u64 now_ns = bpf_ktime_get_ns(), began_ns = known->run_ns;
	u64 ring = pointer_at(fence, offsets.fence_scheduler);
	u64 *ended_ns = bpf_map_lookup_elem(&rings, &ring);
	if (ended_ns && *ended_ns > began_ns)
		began_ns = *ended_ns;
	bpf_map_update_elem(&rings, &ring, &now_ns, 0);
	struct actor_key owner = known->owner;
	bpf_map_delete_elem(&jobs, &fence);
	ROW *row = bpf_map_lookup_elem(&actors, &owner);
	if (!row)
		row = overflow_row(); /* gone meanwhile, or the map was full */
	ADD(row->jobs, 1);
	ADD(row->busy_ns, now_ns - began_ns);
	return 0;
}

SEC("raw_tp/drm_sched_job_queue")
int job_queued(u64 *ctx)
{
	return note_queued(ctx[0]);
}

SEC("raw_tp/drm_sched_job")
int job_queued_older(u64 *ctx)
{
	return note_queued(ctx[0]);
}

SEC("raw_tp/drm_sched_job_run")
int job_run(u64 *ctx)
{
	return note_run(ctx[0]);
}

SEC("raw_tp/drm_run_job")
int job_run_older(u64 *ctx)
{
	return note_run(ctx[0]);
}

SEC("raw_tp/drm_sched_job_done")
int job_done(u64 *ctx)
{
	return count_done(ctx[0]);
}

SEC("raw_tp/drm_sched_process_job")
int job_done_older(u64 *ctx)
{
	return count_done(ctx[0]);
}
