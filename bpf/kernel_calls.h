/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of system calls: registers, the ABI, and the way from a file descriptor to its file system. As kernel.h. */
#ifndef SMOOTHTASK_KERNEL_CALLS_H
#define SMOOTHTASK_KERNEL_CALLS_H

enum { BPF_MAP_TYPE_PERCPU_HASH = 5 }; /* include/uapi/linux/bpf.h */

#define OTHER_CALLS 511 /* stands for all numbers from here on, and for 32-bit programs' */
#define TS_COMPAT 2     /* arch/x86/include/asm/thread_info.h: set while a 32-bit call runs */
#define TIF_32BIT 22    /* arch/arm64/include/asm/thread_info.h: it is a 32-bit program */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long orig_ax, di; /* the number; the first argument. Both are still there when the call returns. */
};
#define CALL_NUMBER(regs) ((s64)BPF_CORE_READ(regs, orig_ax))
#define FIRST_ARGUMENT(regs) BPF_CORE_READ(regs, di)
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 orig_x0;
	s32 syscallno;
};
#define CALL_NUMBER(regs) ((s64)BPF_CORE_READ(regs, syscallno))
#define FIRST_ARGUMENT(regs) BPF_CORE_READ(regs, orig_x0)
#endif

struct thread_info___calls {
	unsigned long flags;
	u32 status;                /* x86 only */
};

struct file_system_type___calls {
	const char *name;
};

struct super_block___calls {
	u32 s_dev;
	struct file_system_type___calls *s_type;
};

struct inode___calls {
	unsigned short i_mode;
	struct super_block___calls *i_sb;
};

struct file___calls {
	struct inode___calls *f_inode;
};

struct fdtable___calls {
	u32 max_fds;
	struct file___calls **fd;
};

struct files_struct___calls {
	struct fdtable___calls *fdt;
};

struct task_struct___calls {
	struct thread_info___calls thread_info;
	struct files_struct___calls *files;
};

#pragma clang attribute pop

/* Whether the running task is inside a 32-bit call, whose numbers mean something else. */
static __always_inline bool is_compat(void)
{
	struct task_struct___calls *task = (void *)plain(bpf_get_current_task_btf());

	if (bpf_core_field_exists(task->thread_info.status))
		return task->thread_info.status & TS_COMPAT;
#if defined(__TARGET_ARCH_arm64)
	return task->thread_info.flags >> TIF_32BIT & 1;
#endif
	return 0;
}

#endif
