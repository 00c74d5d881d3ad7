// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Opens, reads, writes and syncs of files, by process and by file system: from the system calls, when they return, the
 * descriptor looked up in the process's table. Another thread that closes or replaces the descriptor meanwhile takes
 * the call with it, or gives it to the file system of the new one. Not fentry on vfs_read() and its like: some kernels
 * can't attach it (those without CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS), and what they would add is mmap's faults at
 * best.
 */
#include "common.bpf.h"
#include "kernel_calls.h"
#include "file_calls.h"

#define ROW struct st_file_user
#include "activity.bpf.h"
#include "durations.bpf.h"

/* include/uapi/linux/stat.h; include/linux/kdev_t.h */
#define S_IFMT 0170000
enum { S_IFDIR = 0040000, S_IFBLK = 0060000, S_IFREG = 0100000, MINORBITS = 20 };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct st_file_system);
} file_systems SEC(".maps");

struct st_file_system other_file_systems SEC(".data.others") = {};
struct st_file_system blank SEC(".data.blank") = {}; /* too big for the stack */

static __always_inline struct st_file_system *named(struct st_file_system *row, u32 device, const char *type)
{
	row->major = device >> MINORBITS;
	row->minor = device & ((1 << MINORBITS) - 1);
	bpf_probe_read_kernel_str(row->type, sizeof(row->type), type);
	return row;
}

static __always_inline struct st_file_system *row_of(struct super_block___calls *super)
{
	u32 device = BPF_CORE_READ(super, s_dev);
	struct st_file_system *row = bpf_map_lookup_elem(&file_systems, &device);

	if (row)
		return row;
	bpf_map_update_elem(&file_systems, &device, &blank, BPF_NOEXIST);
	row = bpf_map_lookup_elem(&file_systems, &device);
	row = row ? named(row, device, BPF_CORE_READ(super, s_type, name)) : &other_file_systems;
	if (!row->first_ns)
		row->first_ns = bpf_ktime_get_boot_ns();
	return row;
}

/* Where the running task's file `fd` lies, if it is a file, a directory or a block device. */
static __always_inline struct super_block___calls *place_of(u64 fd)
{
	struct task_struct___calls *task = (void *)bpf_get_current_task_btf();
	struct fdtable___calls *table = BPF_CORE_READ(task, files, fdt);
	struct file___calls **files = BPF_CORE_READ(table, fd), *file = 0;

	if (fd >= BPF_CORE_READ(table, max_fds) || bpf_probe_read_kernel(&file, sizeof(file), &files[fd]) || !file)
		return 0;
	u32 type = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	return type == S_IFREG || type == S_IFDIR || type == S_IFBLK ? BPF_CORE_READ(file, f_inode, i_sb) : 0;
}

static __always_inline void count_sync(ROW *user, struct st_file_system *system, u64 took_ns)
{
	ADD(user->syncs, 1);
	ADD(user->sync_ns, took_ns);
	ADD(system->syncs, 1);
	ADD(system->sync_ns, took_ns);
	ADD(system->durations[slot_of(took_ns)], 1);
}

static __always_inline void count(enum file_call call, ROW *user, struct st_file_system *system, u64 bytes)
{
	if (call == OPENS) {
		ADD(user->opens, 1);
		ADD(system->opens, 1);
	} else if (call == READS) {
		ADD(user->reads, 1);
		ADD(user->read_bytes, bytes);
		ADD(system->reads, 1);
		ADD(system->read_bytes, bytes);
	} else {
		ADD(user->writes, 1);
		ADD(user->written_bytes, bytes);
		ADD(system->writes, 1);
		ADD(system->written_bytes, bytes);
	}
}

SEC("tp_btf/sys_enter")
int BPF_PROG(note_sync, struct pt_regs *regs, long number)
{
	if (file_call_of(number) == SYNCS && !is_compat())
		begin(SYNCS);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(count_file_call, struct pt_regs *regs, long result)
{
	enum file_call call = file_call_of(CALL_NUMBER(regs));
	u64 took_ns = 0, what;

	if (call == NO_FILE_CALL || is_compat() || (call == SYNCS && !end(&took_ns, &what)))
		return 0;
	if (result < 0) {
		if (call == OPENS)
			ADD(own_row()->failed_opens, 1);
		return 0;
	}
	struct super_block___calls *place = place_of(call == OPENS ? result : FIRST_ARGUMENT(regs));
	if (!place)
		return 0;
	if (call == SYNCS)
		count_sync(own_row(), row_of(place), took_ns);
	else
		count(call, own_row(), row_of(place), result);
	return 0;
}
