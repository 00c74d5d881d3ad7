// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One struct st_unix_socket for each unix socket of the helper's network namespace, and one struct st_unix_holder for each
 * open file that is a unix socket, of all of them. The second pass costs as much as that of socket_owners, which is why
 * it isn't made for everybody; between passes nothing is paid.
 */
#include "common.bpf.h"

struct st_unix_settings settings SEC(".data.settings") = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ST_UNIX_ROWS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct st_unix_socket);
} unix_rows SEC(".maps");

/*
 * Its name, and how many bytes of it count: unix_mkname_bsd(), net/unix/af_unix.c, puts a NUL behind a path and counts it.
 * The empty asm keeps the compiler from comparing another register than the one that is passed on.
 */
static __always_inline u32 read_name(char *name, const struct unix_address *address)
{
	if (!address)
		return 0;
	u64 bytes = (u64)BPF_CORE_READ(address, len) - sizeof(u16);
	asm volatile("" : "+r"(bytes));
	if (bytes > ST_UNIX_NAME_BYTES)
		return 0;
	if (bpf_probe_read_kernel(name, bytes, &address->name[0].sun_path))
		return 0;
	return name[0] ? bytes - 1 : bytes;
}

/*
 * Nothing but the socket itself is held here. While it has the same peer it holds that one too; if it has another one now,
 * or none, the name that was read may have been anything.
 */
static __always_inline void read_peer(struct st_unix_socket *row, const struct unix_sock *one)
{
	struct sock *peer = one->peer;

	if (!peer)
		return;
	row->peer_inode = socket_inode(peer);
	if (!row->name_bytes) {
		row->name_bytes = read_name(row->name, BPF_CORE_READ((struct unix_sock *)peer, addr));
		row->is_peers_name = !!row->name_bytes;
	}
	if (BPF_CORE_READ(one, peer) == peer)
		return;
	row->peer_inode = 0;
	if (row->is_peers_name) {
		__builtin_memset(row->name, 0, sizeof(row->name));
		row->name_bytes = row->is_peers_name = 0;
	}
}

/* As ss shows them: sk_diag_show_rqlen(), net/unix/diag.c. One reference of sk_wmem_alloc is the socket's own. */
static __always_inline void read_queues(struct st_unix_socket *row, const struct sock *sk)
{
	row->receive_queue_messages = sk->sk_receive_queue.qlen;
	row->send_queue_bytes = row->state == TCP_LISTEN ? sk->sk_max_ack_backlog : less(sk->sk_wmem_alloc.refs.counter, 1);
}

/*
 * Rows go into a map rather than a seq_file, whose 32 KiB would break the pass off. It would go on with the next bucket of
 * the kernel's table and leave out the rest of this one: bpf_iter_unix_seq_stop() leaves st_bucket_done set.
 */
SEC("iter/unix")
int unix_sockets(struct bpf_iter__unix *ctx)
{
	struct unix_sock *one = ctx->unix_sk;

	if (!one)
		return 0;
	u32 place = settings.count++ - settings.first; /* huge before the first */
	struct st_unix_socket *row = bpf_map_lookup_elem(&unix_rows, &place);
	if (!row)
		return 0;
	struct sock *sk = &one->sk;
	__builtin_memset(row, 0, sizeof(*row));
	row->inode = socket_inode(sk);
	row->uid = sk->sk_uid.val;
	row->net_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	row->type = sk->sk_type;
	row->state = sk->__sk_common.skc_state;
	read_queues(row, sk);
	row->name_bytes = read_name(row->name, BPF_CORE_READ(one, addr));
	read_peer(row, one);
	row->cookie = bpf_get_socket_cookie(one);
	return 0;
}

SEC("iter/task_file")
int unix_holders(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;

	if (!task || !file)
		return 0;
	struct socket *socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	struct sock *sk = socket->sk;
	if (!sk || sk->__sk_common.skc_family != AF_UNIX)
		return 0;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct st_unix_holder row = { .fd = ctx->fd, .pid = visible_pid(leader, task->tgid) };
	if (!row.pid)
		return 0;
	const struct cred *cred = BPF_CORE_READ(leader, real_cred);
	row.owner = BPF_CORE_READ(cred, euid.val);
	if (BPF_CORE_READ(cred, uid.val) != row.owner || BPF_CORE_READ(cred, suid.val) != row.owner)
		row.owner = ST_NOBODYS;
	BPF_CORE_READ_INTO(&row.comm, leader, comm);
	row.inode = BPF_CORE_READ(file, f_inode, i_ino);
	row.pid_start_ns = BPF_CORE_READ(leader, start_boottime);
	row.net_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}
