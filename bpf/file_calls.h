/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The system calls on files that are counted: their numbers, arch/x86/entry/syscalls/, include/uapi/asm-generic/unistd.h. */
#ifndef SMOOTHTASK_FILE_CALLS_H
#define SMOOTHTASK_FILE_CALLS_H

enum file_call { NO_FILE_CALL = 0, OPENS, READS, WRITES, SYNCS };

static __always_inline enum file_call file_call_of(s64 number)
{
	switch (number) {
#if defined(__TARGET_ARCH_x86)
	case 2:   /* open */
	case 85:  /* creat */
	case 257: /* openat */
	case 437: /* openat2 */
		return OPENS;
	case 0:   /* read */
	case 17:  /* pread64 */
	case 19:  /* readv */
	case 295: /* preadv */
	case 327: /* preadv2 */
		return READS;
	case 1:   /* write */
	case 18:  /* pwrite64 */
	case 20:  /* writev */
	case 296: /* pwritev */
	case 328: /* pwritev2 */
		return WRITES;
	case 74:  /* fsync */
	case 75:  /* fdatasync */
	case 277: /* sync_file_range */
	case 306: /* syncfs */
		return SYNCS;
#else
	case 56:  /* openat */
	case 437: /* openat2 */
		return OPENS;
	case 63:  /* read */
	case 65:  /* readv */
	case 67:  /* pread64 */
	case 69:  /* preadv */
	case 286: /* preadv2 */
		return READS;
	case 64:  /* write */
	case 66:  /* writev */
	case 68:  /* pwrite64 */
	case 70:  /* pwritev */
	case 287: /* pwritev2 */
		return WRITES;
	case 82:  /* fsync */
	case 83:  /* fdatasync */
	case 84:  /* sync_file_range */
	case 267: /* syncfs */
		return SYNCS;
#endif
	}
	return NO_FILE_CALL;
}

#endif
