// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who holds which socket: one struct st_socket_owner for each open file that is a TCP or UDP socket, in every network
 * namespace. Costs about half a microsecond per open file, so a pass is made only when an unknown socket appears. It
 * also writes the owner into the socket's memory, where the next snapshot of sockets finds it.
 *
 * The only way to sockets of other network namespaces: an iterator of sockets sees the reader's own. Nothing is locked
 * here, so the numbers of such a row may be from slightly different moments.
 */
#include "socket_row.bpf.h"

struct st_socket_settings owner_settings SEC(".data.socket_owners") = {};

/* The first holder found is the owner until a whole pass has not found it holding the socket. */
static __always_inline void confirm_owner(struct socket_memory *memory, struct task_struct *task)
{
	bool owns = memory->owner_tgid == (u32)task->tgid;

	if (!memory->confirmed_pass) /* its owner is known from elsewhere: from now on it has to be found holding it */
		memory->confirmed_pass = owner_settings.pass - 1;
	if (!owns && memory->owner_tgid && memory->confirmed_pass + 1 >= owner_settings.pass)
		return;
	if (!owns)
		set_owner(memory, task);
	memory->confirmed_pass = owner_settings.pass;
}

/* Once in a pass, however many hold the socket. */
static __always_inline void write_socket(struct seq_file *seq, struct sock *sk, const struct st_socket_owner *held)
{
	struct st_socket row = {};
	struct socket_memory *memory = memory_of(sk);

	if (!memory || memory->shown_pass == owner_settings.pass)
		return;
	row.protocol = sk->sk_protocol;
	row.uid = held->uid;
	row.net_namespace = held->net_namespace;
	row.inode = held->inode;
	read_endpoints(&row, &sk->__sk_common);
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	if (tcp) {
		read_traffic(&row, tcp, sk->__sk_common.skc_flags);
		read_tcp_queues(&row, sk, tcp);
	} else {
		read_udp(&row, sk);
	}
	remember(&row, sk, owner_settings.uncounted_ns);
	row.missing |= ST_MISSING_RATE;
	row.cookie = bpf_get_socket_cookie(sk);
	if (!bpf_seq_write(seq, &row, sizeof(row)))
		memory->shown_pass = owner_settings.pass;
}

static __always_inline bool is_tcp_or_udp(struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family, protocol = sk->sk_protocol;

	return (family == AF_INET || family == AF_INET6) && (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP);
}

SEC("iter/task_file")
int socket_owners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;

	if (!task || !file)
		return 0;
	struct socket *socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	struct sock *sk = socket->sk;
	if (!sk || !is_tcp_or_udp(sk))
		return 0;
	struct st_socket_owner row = { .fd = ctx->fd, .uid = sk->sk_uid.val };
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	row.pid = visible_pid(leader, task->tgid);
	if (!row.pid)
		return 0;
	struct socket_memory *memory = memory_of(sk);
	if (!memory)
		memory = new_memory(sk, 1);
	if (memory)
		confirm_owner(memory, task);
	if (owner_settings.visibility != ST_SEES_ALL && row.uid != owner_settings.uid)
		return 0;
	row.inode = BPF_CORE_READ(file, f_inode, i_ino);
	row.pid_start_ns = BPF_CORE_READ(leader, start_boottime);
	row.net_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (owner_settings.rows == ST_PASS_OWNERS)
		bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	else if (owner_settings.rows == ST_PASS_ELSEWHERE && row.net_namespace != owner_settings.net_namespace)
		write_socket(ctx->meta->seq, sk, &row);
	return 0;
}
