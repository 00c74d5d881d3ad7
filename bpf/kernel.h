/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types in use, and of each only the members in use. libbpf finds their real offsets in the running
 * kernel's BTF when it loads a program (CO-RE), so neither order nor size matters here. Members that differ between
 * kernels are in core_fixes.bpf.h.
 */
#ifndef SMOOTHTASK_KERNEL_H
#define SMOOTHTASK_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

/* include/uapi/linux/bpf.h */
enum { BPF_NOEXIST = 1, BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1024, BPF_LOCAL_STORAGE_GET_F_CREATE = 1, BPF_SK_STORAGE_GET_F_CREATE = 1 };
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */
#define MAX_PID_NS_LEVEL 32   /* include/linux/pid_namespace.h */
#define SIGNAL_GROUP_EXIT 4   /* include/linux/sched/signal.h */

/* Laid out alike in every kernel that has BTF, so they need no relocation: libbpf's search for one costs 0.6 ms. */
struct pid_namespace;
struct seq_file;
struct task_struct;

struct upid {
	s32 nr;
	struct pid_namespace *ns;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

/* include/linux/bpf.h; kernel/bpf/map_iter.c */
struct bpf_map;
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	u32 val;
} kuid_t;

struct cred {
	kuid_t uid, suid, euid;
};

struct ns_common {
	u32 inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct pid {
	u32 level;
	struct upid numbers[];
};

struct task_io_accounting {
	u64 read_bytes, write_bytes, cancelled_write_bytes;
};

struct sched_info {
	u64 run_delay;
};

struct sched_entity {
	u64 sum_exec_runtime;
};

struct kernfs_node {
	u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct percpu_counter {
	s64 count;
};

struct mm_struct {
	unsigned long total_vm;
	struct percpu_counter rss_stat[4];
};

struct signal_struct {
	s32 nr_threads;
	s32 group_exit_code;
	u32 flags;
	unsigned long nvcsw, nivcsw, min_flt, maj_flt;
	struct task_io_accounting ioac;
	u64 sum_sched_runtime;
	short oom_score_adj;
};

struct task_struct {
	u32 __state;
	u32 flags;
	s32 exit_state, exit_code;
	s32 pid, tgid;
	struct sched_entity se;
	struct sched_info sched_info;
	struct mm_struct *mm;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	unsigned long nvcsw, nivcsw, min_flt, maj_flt;
	u64 start_boottime;
	const struct cred *real_cred;
	char comm[16];
	struct signal_struct *signal;
	struct task_io_accounting ioac;
	struct css_set *cgroups;
};

/* include/net/tcp_states.h; include/uapi/linux/in.h; include/linux/socket.h, net.h; enum sock_flags, include/net/sock.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV,
};
enum { IPPROTO_TCP = 6, IPPROTO_UDP = 17, AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, SOCK_DGRAM = 2, SOCK_DONE = 1 };
enum { MSG_PEEK = 2, MSG_ERRQUEUE = 0x2000 };

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

typedef struct {
	s32 counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic64_t;

typedef struct {
	atomic_t refs;
} refcount_t;

typedef struct {
	s32 owned; /* by a process inside the kernel; packets that arrive meanwhile are left to it */
} socket_lock_t;

struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_ipv6only : 1;
	s32 skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
};

struct inode {
	unsigned long i_ino;
};

struct socket {
	struct sock *sk;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct sk_buff_head {
	u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	struct {
		atomic_t rmem_alloc;
	} sk_backlog;
	socket_lock_t sk_lock;
	refcount_t sk_wmem_alloc;
	struct socket *sk_socket;
	kuid_t sk_uid;
	u16 sk_type, sk_protocol;
	u32 sk_ack_backlog, sk_max_ack_backlog;
};

struct inet_sock {
	__be16 inet_sport;
};

struct tcp_sock {
	u32 write_seq, snd_una, rcv_nxt, copied_seq;
	u64 bytes_sent, bytes_retrans, bytes_received;
	u32 total_retrans, srtt_us;
};

struct udp_sock {
	s32 forward_deficit;
};

struct sockaddr_un {
	char sun_path[108];
};

struct unix_address {
	s32 len; /* of the whole struct sockaddr_un: its family has two bytes; a path's NUL is counted */
	struct sockaddr_un name[];
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
};

struct inet_timewait_sock {
	unsigned char tw_substate;
};

struct tcp_timewait_sock {
	struct inet_timewait_sock tw_sk;
};

struct file {
	struct inode *f_inode;
};

/* include/linux/blk_types.h, enum req_op */
enum { REQ_OP_READ = 0, REQ_OP_WRITE = 1, REQ_OP_FLUSH = 2, REQ_OP_DISCARD = 3, REQ_OP_WRITE_ZEROES = 9, REQ_OP_MASK = 255 };

struct gendisk {
	s32 major, first_minor;
};

struct request_queue {
	struct gendisk *disk;
};

struct request {
	struct request_queue *q;
	u32 cmd_flags;
	u32 __data_len;
	u64 start_time_ns;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	u32 uid;
};

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
	u32 uid;
};

struct bpf_iter__unix {
	struct bpf_iter_meta *meta;
	struct unix_sock *unix_sk;
	u32 uid;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

struct thermal_zone_device {
	s32 id;
	char type[20];
	s32 temperature, last_temperature;
};

struct thermal_cooling_device {
	s32 id;
	char *type;
	unsigned long max_state;
};

#pragma clang attribute pop

#endif
