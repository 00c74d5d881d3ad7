/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What differs between kernels, each with the commit that changed it. Nothing else may ask for the kernel's age. */
#ifndef SMOOTHTASK_CORE_FIXES_H
#define SMOOTHTASK_CORE_FIXES_H

/* include/linux/types.h; alike in every kernel */
struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* f1a7941243c1 ("mm: convert mm's rss stats into percpu_counter", 6.2): struct of atomics -> array of percpu_counter. */
struct mm_struct___before_6_2 {
	struct {
		struct {
			long counter;
		} count[4];
	} rss_stat;
};

/*
 * 72ba14deb40a ("mm: update mark_victim tracepoints fields", 6.9, in some stable kernels before): the tracepoint's
 * argument is the victim's task_struct, and its event has a uid; before that the argument was the victim's pid.
 */
struct trace_event_raw_mark_victim___since_6_9 {
	u32 uid;
};

/* 5d6b58c932ec ("net: lockless sock_i_ino()", 6.18): before that the inode is found through the socket. */
struct sock___since_6_18 {
	unsigned long sk_ino;
};

/* include/linux/bpf_local_storage.h; before 6.2 that is all alike */
struct bpf_local_storage_data {
	struct bpf_local_storage_map *smap;
	u8 data[];
};

struct bpf_local_storage_elem {
	struct hlist_node snode;
	struct bpf_local_storage_data sdata;
};

struct bpf_local_storage {
	struct hlist_head list;
};

struct task_struct___with_storage {
	struct bpf_local_storage *bpf_storage;
};

#pragma clang attribute pop

/* include/linux/mm_types_task.h: file, anonymous, swap entries, shared memory */
enum { RSS_FILE = 0, RSS_ANON = 1, RSS_SHMEM = 3 };

enum { MOST_STORAGES = 32 }; /* how many programs' storage in one task is looked through */

static __always_inline u64 counted_pages(s64 count)
{
	return count > 0 ? count : 0; /* a percpu_counter's centre may be below zero, see percpu_counter_read_positive() */
}

static __always_inline u64 resident_pages(struct mm_struct *mm)
{
	struct mm_struct___before_6_2 *old = (void *)mm;

	/* Copied, as 6.1's verifier lets no program load from an array of atomics: "Type 'atomic_long_t' is not a struct". */
	if (bpf_core_field_exists(old->rss_stat.count))
		return counted_pages(BPF_CORE_READ(old, rss_stat.count[RSS_FILE].counter)) +
		       counted_pages(BPF_CORE_READ(old, rss_stat.count[RSS_ANON].counter)) +
		       counted_pages(BPF_CORE_READ(old, rss_stat.count[RSS_SHMEM].counter));
	return counted_pages(mm->rss_stat[RSS_FILE].count) + counted_pages(mm->rss_stat[RSS_ANON].count) +
	       counted_pages(mm->rss_stat[RSS_SHMEM].count);
}

/*
 * An object through which pointers are loaded. Since 6.2 the verifier searches the kernel's whole BTF by name for each
 * load of a pointer from a trusted one (57539f5c0ac2 and later: btf_nested_type_is_trusted()), a millisecond each on
 * each path; through a cast (a35b9af4ec2c, 6.2) it doesn't. The call is compiled away.
 */
#ifndef ST_WITHOUT_KFUNCS
extern void *bpf_rdonly_cast(void *object, u32 btf_id) __ksym __weak;

#define PLAIN(type_, object_) \
	((type_ *)(bpf_rdonly_cast ? bpf_rdonly_cast(object_, bpf_core_type_id_kernel(type_)) : (void *)(object_)))

#else /* for kernels before 6.2: see helper/loaders/kernel_types.py */
#define PLAIN(type_, object_) ((type_ *)(object_))
#endif

static __always_inline struct task_struct *plain(struct task_struct *task)
{
	return PLAIN(struct task_struct, task);
}

/*
 * What a program has in a task's storage, where bpf_task_storage_get() gave NULL. Before e8b02296a6b8 ("bpf: Avoid taking
 * spinlock in bpf_task_storage_get if potential deadlock is detected", 6.2) it does so whenever another access to any task's
 * storage is going on on the same CPU, as it is where an interrupt comes in the middle of one. Since then it finds what is
 * there, so for those kernels this is compiled to nothing. To be read with bpf_core_read(); NULL if there is none.
 */
static __always_inline const void *unlocked_storage(struct task_struct *task, const void *map)
{
#ifdef ST_WITHOUT_KFUNCS
	const struct task_struct___with_storage *owner = (const void *)task;
	const struct bpf_local_storage *all = BPF_CORE_READ(owner, bpf_storage);
	const struct hlist_node *node = all ? BPF_CORE_READ(all, list.first) : NULL;

	for (int at = 0; node && at < MOST_STORAGES; at++) {
		const struct bpf_local_storage_elem *one =
			(const void *)node - bpf_core_field_offset(struct bpf_local_storage_elem, snode);
		if (BPF_CORE_READ(one, sdata.smap) == map)
			return one->sdata.data;
		node = BPF_CORE_READ(node, next);
	}
#endif
	return NULL;
}

/* c68a78ffe2cb ("bpf: Introduce task open coded iterator kfuncs", 6.7): helper/loaders/kernel_types.py. */
#ifndef ST_WITHOUT_TASK_ITERATOR
enum { BPF_TASK_ITER_ALL_THREADS = 1, BPF_TASK_ITER_PROC_THREADS = 2 }; /* kernel/bpf/task_iter.c */
struct bpf_iter_task {
	u64 opaque[3];
} __attribute__((aligned(8)));
extern int bpf_iter_task_new(struct bpf_iter_task *walk, struct task_struct *task, u32 flags) __ksym __weak;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *walk) __ksym __weak;
extern void bpf_iter_task_destroy(struct bpf_iter_task *walk) __ksym __weak;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak; /* 3f0e6f2b41d3, 6.2 */
extern void bpf_task_release(struct task_struct *task) __ksym __weak;
#endif

/* c408b3d1d9bb ("thermal: Validate new state in cur_state_store()", 6.2) gave a cooling device its max_state. */
#define HAS_MAX_STATE() bpf_core_field_exists(struct thermal_cooling_device, max_state)

/* sock_i_ino(), net/core/sock.c */
static __always_inline u64 socket_inode(const struct sock *sk)
{
	const struct sock___since_6_18 *now = (const void *)sk;

	if (bpf_core_field_exists(now->sk_ino))
		return now->sk_ino;
	struct socket_alloc *both = (struct socket_alloc *)sk->sk_socket; /* SOCK_INODE(), include/net/sock.h */
	return both ? BPF_CORE_READ(both, vfs_inode.i_ino) : 0;
}

/*
 * What inet_csk_accept() returned, which follows its arguments: a pointer to struct proto_accept_arg has replaced three of
 * four in 92ef0fd55ac8 ("net: change proto and proto_ops accept type", 6.10). bpf_get_func_ret() would give it for any number
 * of them, but as a number, and no socket. The empty asm keeps the compiler from adding to ctx first, which no verifier takes.
 * Whether the kernel has that struct isn't asked here: for a type that it lacks libbpf 1.1 searches the modules, which takes
 * CAP_SYS_ADMIN (helper/loaders/kernel_types.py).
 */
static __always_inline struct sock *accepted_socket(u64 *ctx, u32 takes_struct)
{
	struct sock *accepted;

	if (takes_struct) {
		accepted = (struct sock *)ctx[2];
		asm volatile("" : "+r"(accepted));
		return accepted;
	}
	accepted = (struct sock *)ctx[4];
	asm volatile("" : "+r"(accepted));
	return accepted;
}

/*
 * The argument `flags` of udp_recvmsg() and its like: the fourth. It was the fifth of six until ec095263a965 ("net: remove
 * noblock parameter from recvmsg() entities", 5.19), and is the last since 8341c989ac77 ("net: remove addr_len argument of
 * recvmsg() handlers", 7.1).
 */
static __always_inline int receive_flags(void *ctx)
{
	u64 flags = 0;

	bpf_get_func_arg(ctx, bpf_get_func_arg_cnt(ctx) == 6 ? 4 : 3, &flags);
	return flags;
}

/* CONFIG_TASK_IO_ACCOUNTING and CONFIG_SCHED_INFO may be off: the members are then not there. */
#define HAS_IO_ACCOUNTING() bpf_core_field_exists(struct task_struct, ioac.read_bytes)
#define HAS_RUN_DELAY() bpf_core_field_exists(struct task_struct, sched_info.run_delay)

/* Of a task_struct or signal_struct. Whoever truncates a file is charged, even for what others wrote. */
#define BYTES_READ(of) (HAS_IO_ACCOUNTING() ? (of)->ioac.read_bytes : 0)
#define BYTES_WRITTEN(of) (HAS_IO_ACCOUNTING() ? less((of)->ioac.write_bytes, (of)->ioac.cancelled_write_bytes) : 0)

static __always_inline u64 less(u64 written, u64 cancelled)
{
	return written > cancelled ? written - cancelled : 0;
}

static __always_inline u32 missing_here(void)
{
	return (HAS_IO_ACCOUNTING() ? 0 : ST_MISSING_IO) | (HAS_RUN_DELAY() ? 0 : ST_MISSING_DELAY);
}

#endif
