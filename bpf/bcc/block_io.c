// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Latency and bytes of block requests per disk: from their issue to the driver (bpf/block_io.bpf.c has the time since
 * their allocation, which no tracepoint argument tells) to their end.
 */
#include "common.h"

#define NS_PER_US 1000
#define SECTOR_SHIFT 9
#define MINOR_BITS 20 /* include/linux/kdev_t.h */

struct disk_key {
	u32 major, minor, operation;
};

struct request_key {
	u32 dev, operation;
	u64 sector; /* where the rest of it begins */
};

struct request {
	u64 issued_ns;
	u64 sectors; /* not ended yet */
};

BPF_F_TABLE("array", u32, struct st_block_settings, settings, 1, BPF_F_MMAPABLE);
BPF_TABLE("hash", struct disk_key, struct st_block_io, disks, MOST_DISKS);
BPF_TABLE("hash", struct request_key, struct request, requests, 16 * MOST_DISKS);
BPF_TABLE("percpu_array", u32, struct st_block_io, blank, 1); /* a fresh row: too big for the stack */

/* blk_fill_rwbs(), kernel/trace/blktrace.c: an F before the operation asks for a flush first */
static __always_inline u32 operation_of(char first, char second)
{
	char operation = first == 'F' && (second == 'W' || second == 'R' || second == 'D') ? second : first;

	switch (operation) {
	case 'R':
		return ST_BLOCK_READ;
	case 'W':
		return ST_BLOCK_WRITE;
	case 'F':
		return ST_BLOCK_FLUSH;
	case 'D':
		return ST_BLOCK_DISCARD;
	default:
		return 0;
	}
}

static __always_inline struct st_block_io *overflow_row(u64 now_ns)
{
	u32 zero = 0;
	struct st_block_settings *found = settings.lookup(&zero);

	if (!found)
		return NULL;
	if (!found->overflow.first_ns)
		found->overflow.first_ns = now_ns;
	return &found->overflow;
}

static __always_inline struct st_block_io *row_of(struct disk_key *key)
{
	u32 zero = 0;
	struct st_block_io *row = disks.lookup(key);

	if (row)
		return row;
	struct st_block_io *fresh = blank.lookup(&zero);
	if (!fresh)
		return NULL;
	fresh->major = key->major;
	fresh->minor = key->minor;
	fresh->operation = key->operation;
	fresh->first_ns = bpf_ktime_get_boot_ns();
	disks.insert(key, fresh); /* another CPU may have been first */
	row = disks.lookup(key);
	return row ? row : overflow_row(fresh->first_ns);
}

/* floor(log2(us)), at most the last bucket; the multiplications keep it free of branches */
static __always_inline u32 bucket_of(u64 us)
{
	u32 bucket = 0, more;

	more = (us > 0xffff) << 4;
	us >>= more;
	bucket |= more;
	more = (us > 0xff) << 3;
	us >>= more;
	bucket |= more;
	more = (us > 0xf) << 2;
	us >>= more;
	bucket |= more;
	more = (us > 0x3) << 1;
	us >>= more;
	bucket |= more;
	return (bucket | (us > 1)) & (ST_LATENCY_BUCKETS - 1);
}

TRACEPOINT_PROBE(block, block_rq_issue)
{
	struct request_key key = {};
	struct request request = {};

	key.dev = args->dev;
	key.sector = args->sector;
	key.operation = operation_of(args->rwbs[0], args->rwbs[1]);
	if (!key.operation)
		return 0;
	request.issued_ns = bpf_ktime_get_ns();
	request.sectors = args->nr_sector;
	requests.update(&key, &request);
	return 0;
}

/* A request may end in parts: blk_update_request(), block/blk-mq.c. Each part begins where the one before ended. */
TRACEPOINT_PROBE(block, block_rq_complete)
{
	struct request_key key = {};
	struct disk_key disk = {};
	u64 issued_ns = 0, latency_ns = 0, sectors = args->nr_sector;

	key.dev = args->dev;
	key.sector = args->sector;
	key.operation = operation_of(args->rwbs[0], args->rwbs[1]);
	if (!key.operation || (!sectors && key.operation != ST_BLOCK_FLUSH)) /* bpf/block_io.bpf.c: ended before, or asks for a flush */
		return 0;
	disk.major = key.dev >> MINOR_BITS;
	disk.minor = key.dev & ((1 << MINOR_BITS) - 1);
	disk.operation = key.operation;
	struct st_block_io *row = row_of(&disk);
	if (!row)
		return 0;
	__sync_fetch_and_add(&row->bytes, sectors << SECTOR_SHIFT);
	if (args->error)
		__sync_fetch_and_add(&row->errors, 1);
	struct request *known = requests.lookup(&key);
	if (known) {
		struct request rest = *known;
		requests.delete(&key);
		if (rest.sectors > sectors) {
			rest.sectors -= sectors;
			key.sector += sectors;
			requests.update(&key, &rest);
			return 0;
		}
		issued_ns = rest.issued_ns;
	}
	__sync_fetch_and_add(&row->requests, 1);
	latency_ns = bpf_ktime_get_ns() - issued_ns;
	if (issued_ns) {
		__sync_fetch_and_add(&row->timed_requests, 1);
		__sync_fetch_and_add(&row->latency_ns, latency_ns);
		__sync_fetch_and_add(&row->latencies[bucket_of(latency_ns / NS_PER_US)], 1);
	}
	return 0;
}
