// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who holds which socket: one struct st_socket_owner for each open file that is a TCP or UDP socket, in every network
 * namespace. Costs about half a microsecond per open file, so a pass is made only when an unknown socket appears. It
 * also writes the owner into the socket's memory, where the next snapshot of sockets finds it.
 */
#include "socket_memory.bpf.h"

struct st_socket_settings settings SEC(".data.settings") = {};

/* The first holder found is the owner until a whole pass has not found it holding the socket. */
static __always_inline void confirm_owner(struct socket_memory *memory, struct task_struct *task)
{
	bool owns = memory->owner_tgid == (u32)task->tgid;

	if (!memory->confirmed_pass) /* its owner is known from elsewhere: from now on it has to be found holding it */
		memory->confirmed_pass = settings.pass - 1;
	if (!owns && memory->owner_tgid && memory->confirmed_pass + 1 >= settings.pass)
		return;
	if (!owns)
		set_owner(memory, task);
	memory->confirmed_pass = settings.pass;
}

SEC("iter/task_file")
int socket_owners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct st_socket_owner row = {};

	if (!task || !file)
		return 0;
	struct socket *socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	struct sock *sk = socket->sk;
	if (!sk)
		return 0;
	u16 family = sk->__sk_common.skc_family, protocol = sk->sk_protocol;
	if ((family != AF_INET && family != AF_INET6) || (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
		return 0;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	row.pid = visible_pid(leader, task->tgid);
	if (!row.pid)
		return 0;
	struct socket_memory *memory = memory_of(sk);
	if (!memory)
		memory = new_memory(sk, 1);
	if (memory)
		confirm_owner(memory, task);
	row.uid = sk->sk_uid.val;
	if (settings.is_quiet || (settings.visibility != ST_SEES_ALL && row.uid != settings.uid))
		return 0;
	row.inode = BPF_CORE_READ(file, f_inode, i_ino);
	row.pid_start_ns = BPF_CORE_READ(leader, start_boottime);
	row.fd = ctx->fd;
	row.net_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}
