/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every struct that crosses from the kernel or the helper to user space. This file is the one definition:
 * BPF programs include it, the helper's frames are laid out by it, and tests/contract compiles it with cc and
 * compares sizeof/offsetof with the readers in helper/ and smoothtask_gui/.
 *
 * Rules: fixed-width members, explicit padding, every struct a multiple of 8 bytes, native byte order (both ends
 * are one machine). Readings are cumulative and raw; rates are made in the app. A value that could not be read is
 * flagged in `missing`, never written as a zero that looks like a reading.
 */
#ifndef SMOOTHTASK_RECORDS_H
#define SMOOTHTASK_RECORDS_H

#if !defined(__bpf__)
#include <stdint.h>
typedef uint64_t u64;
typedef int64_t s64;
typedef uint32_t u32;
typedef int32_t s32;
typedef uint16_t u16;
typedef uint8_t u8;
#endif

#define ST_COMM_BYTES 16 /* TASK_COMM_LEN, include/linux/sched.h */
#define ST_TYPE_BYTES 24 /* THERMAL_NAME_LENGTH is 20, include/linux/thermal.h */

#define ST_NOBODYS 0xffffffffu /* no user has this id: uid_valid(), include/linux/uidgid.h */

/* Which fields of a record hold no reading. */
enum st_missing {
	ST_MISSING_IO = 1 << 0,     /* read_bytes, write_bytes: another user's, or no CONFIG_TASK_IO_ACCOUNTING */
	ST_MISSING_RSS = 1 << 1,    /* rss_bytes: mm could not be read */
	ST_MISSING_DELAY = 1 << 2,  /* run_delay_ns: no CONFIG_SCHED_INFO */
	ST_MISSING_PARENT = 1 << 3, /* parent_pid: not in the helper's pid namespace, or no snapshot has seen an ancestor */
	ST_MISSING_IDENTITY = 1 << 4, /* all but the pid: before 6.9 the kernel's oom:mark_victim tells no more */
	ST_MISSING_FAULTS = 1 << 5, /* minor_faults, major_faults: the BCC loader's programs see no kernel structs */
	ST_MISSING_EXIT_CODE = 1 << 6, /* exit_code: likewise */
	ST_MISSING_CGROUP = 1 << 7, /* cgroup_id: rows made from /proc */
	ST_MISSING_TRAFFIC = 1 << 8,  /* sent_bytes, received_bytes, retransmits: none are kept for this socket, or too few were counted */
	ST_MISSING_RTT = 1 << 9,      /* rtt_us: nothing was acknowledged yet, or not a TCP connection */
	ST_MISSING_OWNER = 1 << 10,   /* pid, pid_start_ns: no process holds it, or none was found yet */
	ST_MISSING_START = 1 << 11,   /* start_ns: it is older than that; it was first seen then */
	ST_MISSING_UID = 1 << 12,     /* uid: what is left of a closed connection belongs to nobody */
	ST_MISSING_RATE = 1 << 13,    /* a socket of another network namespace: its row is up to ten seconds old */
};

/*
 * One task (thread). The row with pid == tgid stands for the process: its run_ns, faults, switches and io already
 * include the threads that have exited (signal_struct sums), and it alone carries the process-wide fields (marked P).
 * Rows with pid != tgid are live threads; a process's total is its own row plus its thread rows.
 */
struct st_task {
	u32 pid;                   /* as the helper's pid namespace sees it */
	u32 tgid;
	u32 parent_pid;            /* P real_parent's tgid, 0 for none */
	u32 uid;                   /* P effective uid in the initial user namespace */
	u64 start_ns;              /* P boot time, task_struct.start_boottime; with pid it is the identity */
	u64 run_ns;                /* se.sum_exec_runtime (+ signal.sum_sched_runtime on P) */
	u64 run_delay_ns;          /* sched_info.run_delay: time runnable, waiting for a CPU */
	u64 rss_bytes;             /* P file + anon + shmem pages */
	u64 minor_faults;
	u64 major_faults;
	u64 read_bytes;            /* task_io_accounting: caused from storage */
	u64 write_bytes;           /* write_bytes - cancelled_write_bytes */
	u64 voluntary_switches;
	u64 involuntary_switches;
	u64 cgroup_id;             /* P cgroup v2 (default hierarchy) kernfs id */
	u32 threads;               /* P signal.nr_threads */
	u32 missing;               /* enum st_missing */
	u8 state;                  /* 'R' 'S' 'D' 'T' 't' 'X' 'Z' 'P' 'I', as proc_pid_stat(5) */
	u8 is_kernel;              /* PF_KTHREAD */
	u8 pad[2];
	u32 owner;                 /* whose own it is: real, effective and saved uid alike; else ST_NOBODYS */
	char comm[ST_COMM_BYTES];
};

/*
 * Processes that lived and died between two snapshots, rolled up by nearest ancestor that a snapshot has seen,
 * cgroup, user and name. Cumulative since `first_ns`; a row whose first_ns changed is a new row.
 */
struct st_exited {
	u32 parent_pid;            /* nearest ancestor that a snapshot has seen; 0 in the overflow row */
	u32 uid;
	u64 cgroup_id;
	char comm[ST_COMM_BYTES];  /* name at exit; empty in the overflow row (more kinds than the map holds) */
	u64 first_ns;              /* boot time of the first exit in this row */
	u64 last_ns;
	u64 count;
	u64 run_ns;
	u64 run_delay_ns;
	u64 major_faults;
	u64 read_bytes;
	u64 write_bytes;
	u32 missing;
	u32 uids_differ;           /* 1: real, effective and saved uid aren't all `uid`: nobody's own process */
};

#define ST_ADDRESS_BYTES 16

/*
 * One TCP or UDP socket of the helper's network namespace (or of another, see ST_MISSING_RATE), as ss(8) shows it:
 * bound and connected ones, listeners, and what is left of connections (TIME_WAIT: up to ten seconds old) or not there
 * yet (SYN_RECV: not in every frame).
 * `cookie` is the identity: the kernel gives each socket another one until reboot.
 */
struct st_socket {
	u64 cookie;                /* sock_gen_cookie(), net/core/sock_diag.c */
	u64 inode;                 /* of its file; 0: no process holds it, or it waits to be accepted */
	u64 start_ns;              /* boot time: TCP connect, accept or listen; UDP first use; see ST_MISSING_START */
	u64 pid_start_ns;          /* with pid the identity of the owner */
	u64 sent_bytes;            /* TCP: payload sent, each byte once (bytes_sent - bytes_retrans). UDP: since start_ns */
	u64 received_bytes;        /* TCP: payload received in order (bytes_received without the FIN). UDP: since start_ns */
	u8 local[ST_ADDRESS_BYTES]; /* network order; IPv4 in the first four; ::ffff:a.b.c.d where an IPv6 socket speaks IPv4 */
	u8 remote[ST_ADDRESS_BYTES];
	u32 pid;                   /* who connected, listens, accepted or first read from it; else whoever was found to hold it */
	u32 uid;                   /* who created it (sk_uid), in the initial user namespace */
	u32 net_namespace;         /* inode of /proc/PID/ns/net */
	u32 retransmits;           /* segments, tcp_sock.total_retrans */
	u32 rtt_us;                /* smoothed, tcp_sock.srtt_us / 8 */
	u32 send_queue_bytes;      /* listener: how many connections may wait */
	u32 receive_queue_bytes;   /* listener: how many connections wait to be accepted */
	u32 interface_index;       /* SO_BINDTODEVICE, or 0 */
	u32 missing;               /* enum st_missing */
	u16 local_port;            /* host order */
	u16 remote_port;
	u8 family;                 /* 2 AF_INET, 10 AF_INET6 */
	u8 protocol;               /* 6 TCP, 17 UDP */
	u8 state;                  /* include/net/tcp_states.h; UDP: 1 connected, 7 not */
	u8 is_ipv6_only;
	u8 pad[4];
};

/* One open file that is a TCP or UDP socket: the processes that hold the same socket each have a row. */
struct st_socket_owner {
	u64 inode;
	u64 pid_start_ns;
	u32 pid;
	u32 uid;                   /* of the socket, as in struct st_socket */
	u32 fd;
	u32 net_namespace;
};

/*
 * Network bytes of one process that no open socket's row has: closed TCP connections, and all datagrams. Cumulative
 * since `first_ns`; a row whose first_ns changed is a new row. A process's total is its row here plus the TCP sockets
 * that it owns.
 */
struct st_traffic {
	u32 pid;                   /* 0 in the overflow row (more processes than the map holds, or nobody known) */
	u32 uid;                   /* P effective uid at first_ns */
	u64 start_ns;              /* of the process */
	char comm[ST_COMM_BYTES];  /* at first_ns; empty if the process was gone by then */
	u64 first_ns;
	u64 closed_connections;    /* TCP */
	u64 tcp_sent_bytes;        /* as in struct st_socket */
	u64 tcp_received_bytes;
	u64 tcp_retransmits;
	u64 udp_sent_bytes;        /* as send(2) and recv(2) returned them */
	u64 udp_received_bytes;
	u64 udp_sent;              /* calls that sent a datagram (or several, with UDP_SEGMENT) */
	u64 udp_received;
	u32 missing;               /* ST_MISSING_TRAFFIC: the udp_ fields; what they grew by since the reader's last frame may be too little */
	u32 uids_differ;           /* as in struct st_exited */
};

#define ST_LATENCY_BUCKETS 32

enum st_block_operation { ST_BLOCK_READ = 1, ST_BLOCK_WRITE = 2, ST_BLOCK_FLUSH = 3, ST_BLOCK_DISCARD = 4 };

/*
 * Finished requests of one disk and operation, cumulative since `first_ns`; a row whose first_ns changed is a new row.
 * A request's latency is from its allocation to its end, as /proc/diskstats counts it. Devices that handle bios
 * themselves (zram, most of device mapper) have no requests, only the disks below them do.
 */
struct st_block_io {
	u32 major;                 /* 0: the overflow row (more disks than the map holds) */
	u32 minor;                 /* of the whole disk */
	u32 operation;             /* enum st_block_operation */
	u32 pad;
	u64 first_ns;              /* boot time */
	u64 requests;              /* diskstats also counts empty writes, by which flushes are asked for */
	u64 bytes;
	u64 errors;                /* requests that failed, wholly or partly */
	u64 timed_requests;        /* those with a latency: with queue/iostats off the kernel notes no beginning */
	u64 latency_ns;            /* sum */
	u64 latencies[ST_LATENCY_BUCKETS]; /* bucket n: [2^n, 2^(n+1)) microseconds; the first also takes less */
};

/* Kinds of struct st_event. */
enum st_event_kind {
	ST_EVENT_EXIT = 1,         /* a process that some snapshot has seen (or may have) is gone */
	ST_EVENT_OOM_KILL = 2,
	ST_EVENT_TEMPERATURE = 3,  /* thermal_temperature: a thermal zone was updated */
	ST_EVENT_TRIP = 4,         /* thermal_zone_trip: a trip point was crossed */
	ST_EVENT_COOLING = 5,      /* cdev_update: a cooling device changed state (throttling) */
	ST_EVENT_SOCKET_CLOSED = 6, /* a TCP connection is over; its bytes are in a struct st_traffic too */
};

/* All event records begin with this. */
struct st_event {
	u32 kind;                  /* enum st_event_kind */
	u32 bytes;                 /* of the whole record */
	u64 boottime_ns;
};

struct st_event_exit {
	struct st_event head;
	u32 pid;
	u32 parent_pid;
	u32 uid;
	u32 exit_code;             /* wait(2) status */
	u64 start_ns;
	u64 run_ns;                /* the whole life of the process, all threads */
	u64 run_delay_ns;          /* of the last thread only: the kernel keeps no sum */
	u64 major_faults;
	u64 read_bytes;
	u64 write_bytes;
	u64 cgroup_id;
	u32 missing;
	u32 uids_differ;           /* as in struct st_exited */
	char comm[ST_COMM_BYTES];
};

struct st_event_oom_kill {
	struct st_event head;
	u32 pid;
	u32 uid;
	u64 start_ns;
	u64 rss_bytes;             /* anon + file + shmem when it was chosen */
	u64 total_vm_bytes;
	u64 cgroup_id;
	s32 oom_score_adj;
	u32 missing;
	char comm[ST_COMM_BYTES];
};

#define ST_NO_TEMPERATURE_MC (-274000) /* THERMAL_TEMP_INVALID, include/linux/thermal.h: below absolute zero */

struct st_event_thermal {          /* ST_EVENT_TEMPERATURE and ST_EVENT_TRIP */
	struct st_event head;
	s32 zone_id;               /* thermal_zoneN */
	s32 temperature_mc;        /* thousandths of a degree Celsius; ST_NO_TEMPERATURE_MC: no reading */
	s32 last_temperature_mc;
	s32 trip_index;            /* -1 in ST_EVENT_TEMPERATURE */
	s32 trip_type;             /* enum thermal_trip_type: 0 active, 1 passive, 2 hot, 3 critical; -1 if none */
	u32 pad;
	char zone_type[ST_TYPE_BYTES];
};

struct st_event_cooling {
	struct st_event head;
	s32 device_id;             /* cooling_deviceN; -1 where the BCC loader's programs can't see it */
	u32 pad;
	u64 target_state;          /* 0 = not cooling */
	u64 max_state;             /* 0 where it isn't told: before 6.2 the kernel keeps none; BCC */
	char device_type[ST_TYPE_BYTES];
};

struct st_event_socket_closed {
	struct st_event head;
	struct st_socket socket;   /* its last readings; `state` is the one it had before it closed */
};

/*
 * ---- activity: what hooks count while a stream asks for it ----
 * Cumulative since the probe was attached, or since `first_ns` where a row has one: a row whose first_ns changed is a
 * new row. Probes of a kind are attached when the first stream asks for the kind; those that ST_KINDS_OPT_IN names are
 * detached when the last such stream ends, and then count from zero.
 */
enum st_activity_kind { /* bits of the mask of enum st_kinds */
	ST_KIND_RECLAIM = 1 << 8,  /* ticks with ST_SECTION_RECLAIM */
	ST_KIND_CPU_FREQUENCY = 1 << 9, /* ST_SECTION_CPU_FREQUENCY */
	ST_KIND_RUN_QUEUE = 1 << 10, /* opt-in: ST_SECTION_RUN_QUEUE */
	ST_KIND_SYSCALLS = 1 << 11, /* opt-in: ST_SECTION_CALLERS and ST_SECTION_SYSCALLS */
	ST_KIND_FILES = 1 << 12,   /* opt-in: ST_SECTION_FILE_USERS and ST_SECTION_FILE_SYSTEMS */
	ST_KIND_ENERGY = 1 << 13,  /* ST_SECTION_ENERGY */
	ST_KIND_GPU = 1 << 14,     /* ST_SECTION_GPU_USERS, _GPU_WAITERS and _GPU_MEMORY, each while a card is awake */
	ST_KIND_UNIX_SOCKETS = 1 << 15, /* opt-in: ST_SECTION_UNIX_READING, _UNIX_SOCKETS and _UNIX_HOLDERS */
	ST_KINDS_OPT_IN = ST_KIND_RUN_QUEUE | ST_KIND_SYSCALLS | ST_KIND_FILES | ST_KIND_UNIX_SOCKETS,
};

enum st_activity_section { /* more of enum st_section_kind */
	ST_SECTION_RECLAIM = 16,   /* struct st_reclaim */
	ST_SECTION_CPU_FREQUENCY = 17, /* struct st_cpu_frequency */
	ST_SECTION_RUN_QUEUE = 18, /* struct st_run_queue, one row */
	ST_SECTION_CALLERS = 19,   /* struct st_caller */
	ST_SECTION_SYSCALLS = 20,  /* struct st_syscall; ST_SEES_ALL only */
	ST_SECTION_FILE_USERS = 21, /* struct st_file_user */
	ST_SECTION_FILE_SYSTEMS = 22, /* struct st_file_system; ST_SEES_ALL only */
	ST_SECTION_ENERGY = 23,    /* struct st_energy, one row */
	ST_SECTION_GPU_USERS = 24, /* struct st_gpu_user */
	ST_SECTION_GPU_WAITERS = 25, /* struct st_gpu_waiter */
	ST_SECTION_GPU_MEMORY = 26, /* struct st_gpu_memory */
	ST_SECTION_UNIX_READING = 27, /* struct st_unix_reading, one row */
	ST_SECTION_UNIX_SOCKETS = 28, /* struct st_unix_socket */
	ST_SECTION_UNIX_HOLDERS = 29, /* struct st_unix_holder */
};

#define ST_DURATIONS 32 /* a histogram: slot n counts [2^n, 2^(n+1)) ns; the first takes 0 too, the last all that is longer */

/*
 * Whose row it is. A process that changes its user has a row for each. All zero but first_ns in the overflow row, which
 * sums up those that found the map full. Who doesn't see all sees only rows of his own.
 */
struct st_actor {
	u32 pid;                   /* as the helper's pid namespace sees it */
	u32 uid;                   /* effective, in the initial user namespace */
	u64 start_ns;              /* of the process; with pid it is the identity */
	u64 first_ns;              /* boot time of the first event in this row */
	u32 uids_differ;           /* as in struct st_exited */
	u32 pad;
	char comm[ST_COMM_BYTES];  /* the process's, at first_ns */
};

/* A process's own search for free memory while it waits: the machine's is short, or its memory cgroup is at its limit. */
struct st_reclaim {
	struct st_actor actor;
	u64 machine_count;         /* mm_vmscan_direct_reclaim_begin */
	u64 machine_ns;
	u64 cgroup_count;          /* mm_vmscan_memcg_reclaim_begin */
	u64 cgroup_ns;
	u64 freed_pages;
};

/* Jobs on graphics cards that went through the kernel's scheduler; most drivers for PCs but i915. */
struct st_gpu_user {
	struct st_actor actor;     /* of who queued them */
	u64 jobs;                  /* that have ended */
	u64 busy_ns;               /* from hand-over to end, less what the job before it in the ring took; rings add up */
};

/* Fences: what a process hands to a card or another device, and its waits for them. */
struct st_gpu_waiter {
	struct st_actor actor;
	u64 fences;                /* that were made while it ran */
	u64 waits;                 /* in the kernel that are over; poll() isn't one */
	u64 wait_ns;
};

struct st_gpu_memory {
	struct st_actor actor;     /* pid 0: all of the card; uid 2^32-1 and no start where only the pid was told */
	u64 card;                  /* a number of the driver's */
	u64 bytes;                 /* the latest total */
};

struct st_cpu_frequency {
	u32 cpu;
	u32 frequency_khz;         /* the latest that was asked for: the hardware may run at another */
	u64 changed_ns;            /* boot time */
	u64 changes;
};

/*
 * How long tasks were runnable before they ran, on all CPUs; a wait that moved between CPUs is one. The idle task does not
 * count. Of a task that is older than the probe the first wait isn't known and is left out.
 */
struct st_run_queue {
	u64 longest_ns;
	u64 count;
	u64 wait_ns;
	u64 durations[ST_DURATIONS];
};

/* What all processor packages used (RAPL), read at most once in each second and told in steps: it is a side channel. */
struct st_energy {
	u32 packages;
	u32 pad;
	u64 read_ns;               /* boot time of the reading, which may be older than the frame */
	u64 energy_uj;             /* since the probe was opened; a multiple of 100,000 */
};

struct st_caller {
	struct st_actor actor;
	u64 calls;                 /* that have returned */
	u64 failed;                /* of these: with an error, also those that a signal interrupted */
	u64 call_ns;               /* from entry to return, asleep or not; threads add up */
};

struct st_syscall {
	u32 number;                /* of this machine's ABI; 2^32-1: 32-bit programs' calls, and numbers above 510 */
	u32 pad;
	u64 calls;
	u64 failed;
	u64 call_ns;
	u64 durations[ST_DURATIONS];
};

/* System calls on files, directories and block devices; neither mmap, io_uring, splice nor 32-bit programs. */
struct st_file_user {
	struct st_actor actor;
	u64 opens;
	u64 failed_opens;
	u64 reads;
	u64 read_bytes;            /* as the calls returned them, from page cache or device */
	u64 writes;
	u64 written_bytes;
	u64 syncs;                 /* fsync, fdatasync, sync_file_range, syncfs */
	u64 sync_ns;
};

struct st_file_system {
	u32 major;                 /* as in /proc/PID/mountinfo */
	u32 minor;
	char type[ST_COMM_BYTES];  /* file_system_type, cut short; empty in the overflow row */
	u64 first_ns;
	u64 opens;
	u64 reads;
	u64 read_bytes;
	u64 writes;
	u64 written_bytes;
	u64 syncs;
	u64 sync_ns;
	u64 durations[ST_DURATIONS]; /* of syncs */
};

#define ST_UNIX_NAME_BYTES 112 /* 108 are the most: unix(7) */

/*
 * One unix socket of the helper's network namespace, as ss(8) shows it. `cookie` is the identity, as in struct st_socket.
 * A listener's connections that nobody has accepted yet have no inode; their uid is root's.
 */
struct st_unix_socket {
	u64 cookie;
	u64 inode;                 /* of its file, as in /proc/PID/fd; 0: it waits to be accepted */
	u64 peer_inode;            /* of the socket that it is connected to; 0: there is none, or it waits to be accepted */
	u32 uid;                   /* who created it (sk_uid), in the initial user namespace */
	u32 net_namespace;
	u32 receive_queue_messages; /* that nobody has read; listener: how many connections wait to be accepted */
	u32 send_queue_bytes;      /* kernel memory of what it sent and nobody has read; listener: how many may wait */
	u32 missing;               /* enum st_missing; none so far */
	u8 type;                   /* 1 SOCK_STREAM, 2 SOCK_DGRAM, 5 SOCK_SEQPACKET */
	u8 state;                  /* include/net/tcp_states.h: 1 connected, 7 not, 10 listens */
	u8 name_bytes;             /* 0: neither it nor its peer has a name */
	u8 is_peers_name;          /* 1: it has no name itself, `name` is the peer's */
	char name[ST_UNIX_NAME_BYTES]; /* any bytes; an abstract one begins with NUL, a path doesn't and has none */
};

/* One open file that is a unix socket, of any network namespace. */
struct st_unix_holder {
	u64 inode;
	u64 pid_start_ns;
	u32 pid;
	u32 owner;                 /* whose own process it is, as in struct st_task */
	u32 fd;
	u32 net_namespace;         /* the socket's */
	char comm[ST_COMM_BYTES];  /* of the process */
};

/* When unix sockets and their holders were read: in a while before `read_ns`, which may be older than the frame. */
struct st_unix_reading {
	u64 read_ns;               /* boot time */
	u64 took_ns;
	u32 truncated;             /* 1: there were more sockets or holders than rows */
	u32 pad;
};

/* ---- the stream: see docs/api/stream-format.md ---- */

#define ST_STREAM_VERSION 1
#define ST_PACKET_MAGIC 0x4b505453u /* "STPK" */
#define ST_FRAME_MAGIC 0x52465453u  /* "STFR" */

enum st_packet_kind {
	ST_PACKET_HELLO = 1,       /* first packet of a stream: struct st_hello follows */
	ST_PACKET_TICK = 2,        /* struct st_tick follows; one fd: a sealed memfd with a frame */
	ST_PACKET_EVENT = 3,       /* one event record follows */
	ST_PACKET_BYE = 4,         /* struct st_bye follows; the stream ends */
};

struct st_packet {
	u32 magic;
	u16 version;
	u16 kind;                  /* enum st_packet_kind */
	u32 bytes;                 /* of the whole packet, this head included */
	u32 pad;
};

struct st_hello {
	u64 stream_id;             /* for ChangePeriod */
	u32 period_ms;
	u32 kinds;                 /* granted */
	u32 visibility;            /* enum st_visibility */
	u32 uid;                   /* whose processes are shown in full */
};

struct st_tick {
	u64 sequence;              /* counts this stream's ticks, the lost ones included */
	u64 lost_ticks;            /* cumulative: ticks this reader was too slow for */
	u64 lost_events;           /* cumulative: lost by this reader or a full ring buffer, or found no memory for a row */
	u64 frame_bytes;           /* size of the memfd */
};

enum st_bye_reason { ST_BYE_SHUTDOWN = 1, ST_BYE_REVOKED = 2, ST_BYE_FAILED = 3 };

struct st_bye {
	u32 reason;                /* enum st_bye_reason */
	u32 pad;
};

enum st_visibility {
	ST_SEES_ALL = 1,           /* monitor-others, or root */
	ST_SEES_AS_PROC = 2,       /* own processes in full, others as /proc shows them */
	ST_SEES_OWN = 3,           /* hidepid: only own processes */
};

/* kinds a client asks for in OpenStream, as a bit mask. */
enum st_kinds {
	ST_KIND_TASKS = 1 << 0,    /* ticks with task and exited sections */
	ST_KIND_PROCESS_EXITS = 1 << 1, /* ST_EVENT_EXIT packets */
	ST_KIND_OOM = 1 << 2,
	ST_KIND_THERMAL = 1 << 3,
	ST_KIND_SOCKETS = 1 << 4,  /* ticks with sockets, socket owners and traffic sections */
	ST_KIND_SOCKET_CLOSES = 1 << 5, /* ST_EVENT_SOCKET_CLOSED packets */
	ST_KIND_BLOCK_IO = 1 << 6, /* ticks with block I/O sections */
	ST_KIND_OTHERS_IN_FULL = 1 << 16, /* asks for ST_SEES_ALL: needs the monitor-others authorization */
};

enum st_section_kind {
	ST_SECTION_TASKS = 1,      /* struct st_task */
	ST_SECTION_EXITED = 2,     /* struct st_exited */
	ST_SECTION_COUNTERS = 3,   /* struct st_counters, one row */
	ST_SECTION_SOCKETS = 4,    /* struct st_socket */
	ST_SECTION_SOCKET_OWNERS = 5, /* struct st_socket_owner */
	ST_SECTION_TRAFFIC = 6,    /* struct st_traffic */
	ST_SECTION_BLOCK_IO = 7,   /* struct st_block_io */
};

/* Machine-wide counters of process_events, cumulative since the probe was attached. */
struct st_counters {
	u64 forks;
	u64 execs;
	u64 exits;                 /* processes, not threads */
	u64 lost_exits;            /* exits whose record found no room: their time is in no row */
};

struct st_section {
	u32 kind;                  /* enum st_section_kind; a reader skips kinds it does not know */
	u32 record_bytes;          /* may grow in later versions: read the prefix, step by this */
	u32 count;
	u32 truncated;             /* 1: more rows existed than fit */
	u64 offset;                /* from the start of the frame */
};

struct st_frame {
	u32 magic;
	u16 version;
	u16 section_count;
	u32 header_bytes;          /* this struct and the section table */
	u32 period_ms;
	u64 frame_bytes;
	u64 boottime_ns;           /* when the snapshot began */
	u64 snapshot_ns;           /* how long it took */
	/* struct st_section sections[section_count] */
};

#endif
