/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What user space tells the programs. Not part of the stream. Constants are fixed before a program is loaded
 * (section .rodata.constants); settings change while it runs, through a shared mapping (section .data.settings).
 */
#ifndef SMOOTHTASK_SETTINGS_H
#define SMOOTHTASK_SETTINGS_H

struct st_constants {
	u32 pid_namespace;         /* inode of the helper's /proc/self/ns/pid; 0 if it is the initial one */
	u32 page_bytes;
	u32 accept_takes_struct;   /* 1: inet_csk_accept() is that of 6.10 and later, see accepted_socket() */
};

enum st_walk {
	ST_WALK_FROM_THE_FIRST = 0,
	ST_WALK_FROM_TASK = 1,     /* to the end of its process */
	ST_WALK_AFTER_PROCESS = 2,
};

struct st_snapshot_settings {
	u64 born_before_ns;        /* boot time: processes that started at or after it are left to the next snapshot */
	u64 began_ns;              /* written by the programs: boot time at the first task of the pass */
	u32 next;                  /* walk_tasks: enum st_walk, written for the next run; 0 when none is needed */
	s32 next_pid;              /* of that task or process, as the kernel numbers it */
	u64 next_start_ns;         /* boot time at which it was born */
	u32 rows;                  /* written by walk_tasks: how many of task_rows this run has filled */
	u32 is_lost;               /* written by walk_tasks: the task or process is gone */
};

#define ST_MOST_TASK_ROWS 8192 /* helper/probes/map_sizes.py gives it fewer on small machines */

#define ST_EPOCHS 16

struct st_process_settings {
	u64 last_snapshot_ns;      /* boot time: born_before_ns of the latest snapshot */
	u64 epoch_ns;              /* exits that wait to be freed are counted by epochs of this length */
	u64 lost_exits;            /* written by the programs: as in struct st_counters, whose own stays zero */
	u64 roll_ups;              /* written by the programs: additions to rows, each counted when it is made */
	struct st_exited overflow; /* written by the programs: exits that found the roll-up map full */
	s64 waiting[ST_EPOCHS];    /* written by the programs: of the epochs with this remainder, exits not freed yet */
	u32 first_young_epoch;     /* count_unreaped: later exits are left out */
	u32 unreaped;              /* written by count_unreaped: exits that nobody has reaped yet */
};

enum st_pass_rows {
	ST_PASS_OWNERS = 0,        /* struct st_socket_owner */
	ST_PASS_NO_ROWS = 1,
	ST_PASS_ELSEWHERE = 2,     /* struct st_socket of other network namespaces */
};

struct st_socket_settings {
	u32 visibility;            /* enum st_visibility: all sockets, or those that `uid` created */
	u32 uid;
	u32 net_namespace;         /* inode of the helper's /proc/self/ns/net */
	u32 unowned;               /* written by the programs: sockets in this pass whose owner should be looked for */
	u32 pass;                  /* socket_owners: number of this pass, counted from 1 */
	u32 rows;                  /* socket_owners: what this pass writes, enum st_pass_rows */
	u32 known;                 /* written by remembered_sockets: TCP rows of this pass, which begin the map */
	u32 known_udp;             /* written by remembered_sockets: UDP rows, which end it; more than it has room for didn't fit */
	u32 bound_udp;             /* written by remembered_sockets: UDP sockets in this pass, hidden ones too */
	u32 unremembered;          /* written by tcp_sockets: sockets in this pass for whose memory there was no room */
	u64 uncounted_ns;          /* boot time: until then datagrams may have passed uncounted; all ones: none is counted */
};

#define ST_KNOWN_SOCKETS 4096

/* How often one CPU ran a program at a tracepoint that the messages of all sockets pass. */
struct st_message_runs {
	u64 idle;                  /* a message of another socket: nothing to count, nobody to note */
	u64 useful;
};

struct st_traffic_settings {
	u64 lost_events;           /* written by the programs: closed connections of which no event tells */
	u64 window_ns;             /* written by the programs: start of the second for which `window_events` counts */
	u32 window_events;
	u32 missing;               /* what every row lacks, enum st_missing */
	struct st_traffic overflow; /* written by the programs: processes that found the map full */
	u64 unremembered;          /* written by the programs: connections for whose memory there was no room */
	u64 closings;              /* written by the programs: TCP sockets that closed, each of which may leave remains */
};

struct st_block_settings {
	struct st_block_io overflow; /* written by the program: disks that found the map full */
};

struct st_event_settings {
	u64 lost_events;           /* written by the programs: events that found the ring buffer full */
};

/* Where pointers lie in structs of the module gpu_sched, whose types the programs can't be fitted to. */
struct st_gpu_offsets {
	u32 known;                 /* 1 when the others are right; jobs before that aren't followed */
	u32 job_fence;             /* struct drm_sched_job, s_fence */
	u32 fence_scheduler;       /* struct drm_sched_fence, sched */
	u32 pad;
};

/* What the activity probes count beside their rows; written by the programs. */
struct st_activity_settings {
	u64 unseen;                /* events that are in no row, because the kernel had no memory for it or a map was full */
};

struct st_unix_settings {
	u32 first;                 /* sockets before this one, counted from 0, are left out of the pass */
	u32 count;                 /* written by the program: sockets in the pass so far */
};

#define ST_UNIX_ROWS 4096

#endif
