/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For kernels without type information (BTF): programs that the BCC loader compiles on the machine itself. They read
 * arguments of tracepoints only, whose format the running kernel describes in tracefs, and no kernel structs; so they
 * are right even where the kernel's headers are not quite those of the running kernel.
 *
 * Map names and records are those of bpf/<name>.bpf.c: the same readers serve both.
 */
#ifndef SMOOTHTASK_BCC_COMMON_H
#define SMOOTHTASK_BCC_COMMON_H

#define __bpf__ 1 /* the kernel's own u32 and u64 are there: records.h must not ask libc for them */
#include "records.h"
#include "settings.h"
#undef __bpf__

#endif
