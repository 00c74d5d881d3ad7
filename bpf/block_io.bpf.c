// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Latency and bytes of block requests per disk: one tracepoint when a request ends. The kernel notes itself when it
 * began (start_time_ns), so nothing has to be remembered in between. Bytes per process are in struct st_task.
 */
#include "common.bpf.h"

#define NS_PER_US 1000
#define DISCARDS 0x228 /* bits REQ_OP_DISCARD, REQ_OP_SECURE_ERASE (5), REQ_OP_WRITE_ZEROES */

struct st_block_settings block_settings SEC(".data.block_io") = {};

struct disk_key {
	u32 major, minor, operation;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH); /* its elements made beforehand: requests end in hard interrupts */
	__uint(max_entries, 256);
	__type(key, struct disk_key);
	__type(value, struct st_block_io);
} disks SEC(".maps");

static __always_inline u32 operation_of(u32 flags)
{
	u32 operation = flags & REQ_OP_MASK;

	if (operation == REQ_OP_READ)
		return ST_BLOCK_READ;
	if (operation == REQ_OP_WRITE)
		return ST_BLOCK_WRITE;
	if (operation == REQ_OP_FLUSH)
		return ST_BLOCK_FLUSH;
	return operation < 10 && DISCARDS >> operation & 1 ? ST_BLOCK_DISCARD : 0;
}

static __always_inline struct st_block_io *row_of(const struct disk_key *key)
{
	struct st_block_io *row = bpf_map_lookup_elem(&disks, key);

	if (row)
		return row;
	struct st_block_io fresh = { .major = key->major, .minor = key->minor, .operation = key->operation };
	fresh.first_ns = bpf_ktime_get_boot_ns();
	bpf_map_update_elem(&disks, key, &fresh, BPF_NOEXIST); /* another CPU may have been first */
	row = bpf_map_lookup_elem(&disks, key);
	if (!row && !block_settings.overflow.first_ns)
		block_settings.overflow.first_ns = fresh.first_ns;
	return row ? row : &block_settings.overflow;
}

/* floor(log2(us)) of 32 bits; without branches, each of which the verifier would follow. */
static __always_inline u32 bucket_of(u64 us)
{
	u32 bucket = 0;

#pragma unroll
	for (u32 step = 16; step; step >>= 1) {
		u32 taken = (s64)((1ull << step) - 1 - us) >> 63 & step;
		barrier_var(taken);
		us >>= taken;
		bucket += taken;
	}
	barrier_var(bucket); /* the compiler knows that it is below 32; the verifier has to be shown */
	return bucket & (ST_LATENCY_BUCKETS - 1);
}

static __always_inline void add_latency(struct st_block_io *row, u64 began_ns)
{
	u64 now_ns = bpf_ktime_get_ns(); /* the clock of start_time_ns: blk_time_get_ns() */

	if (!began_ns || began_ns > now_ns)
		return;
	__sync_fetch_and_add(&row->timed_requests, 1);
	__sync_fetch_and_add(&row->latency_ns, now_ns - began_ns);
	__sync_fetch_and_add(&row->latencies[bucket_of((now_ns - began_ns) / NS_PER_US)], 1);
}

/*
 * A request may end in parts: blk_update_request(), block/blk-mq.c. The last part is as long as what is left. What the
 * disk is flushed for ends once more without a byte, and an empty write is how a flush is asked for: block/blk-flush.c.
 */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(count_request, struct request *trusted, int error, u32 byte_count)
{
	struct request *request = PLAIN(struct request, trusted);
	struct disk_key key = { .operation = operation_of(request->cmd_flags) };
	struct gendisk *disk = request->q->disk;

	if (!key.operation || !disk || (!byte_count && key.operation != ST_BLOCK_FLUSH))
		return 0;
	key.major = disk->major;
	key.minor = disk->first_minor;
	struct st_block_io *row = row_of(&key);
	__sync_fetch_and_add(&row->bytes, byte_count);
	if (error)
		__sync_fetch_and_add(&row->errors, 1);
	if (byte_count >= request->__data_len) {
		__sync_fetch_and_add(&row->requests, 1);
		add_latency(row, request->start_time_ns);
	}
	return 0;
}
