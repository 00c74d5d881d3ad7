// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * All programs that run by default, in one object: libbpf reads the kernel's type information once for each object, which
 * takes longer than everything else. helper/probes/parts.py says which programs and maps belong to which probe; those of
 * a probe that isn't wanted, or that this kernel refuses, are left out when the object is loaded.
 */
#include "task_snapshot.bpf.c"
#include "process_events.bpf.c"
#include "oom_events.bpf.c"
#include "thermal_events.bpf.c"
#include "sockets.bpf.c"
#include "socket_owners.bpf.c"
#include "socket_events.bpf.c"
#include "block_io.bpf.c"
