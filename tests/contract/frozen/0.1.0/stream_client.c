/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A client without this project's Python: opens a stream over D-Bus, decodes it as docs/api/stream-format.md says,
 * and prints who used the CPU between one tick and the next.
 *
 *   cc -O2 -Wall -Wextra -I bpf -o stream_client examples/stream_client.c -lsystemd
 *   ./stream_client [TICKS]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "records.h"

#define NAME "io.github.smoothtask.Sampler1"
#define PERIOD_MS 200
#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
#define MOST 5

struct process {
	u32 pid;
	u64 start_ns;
	u64 run_ns;     /* its own row and those of its live threads */
	double cpu;     /* cores, since the tick before; -1: it wasn't there */
	char comm[ST_COMM_BYTES + 1];
};

struct table {
	struct process *rows;
	size_t count;
	u64 boottime_ns;
};

static int fail(const char *what)
{
	fprintf(stderr, "stream_client: %s\n", what);
	return -1;
}

static int open_stream(void)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	sd_bus *bus = NULL;
	int fd = -1, kept = -1;

	if (sd_bus_open_system(&bus) < 0)
		return fail("the system bus can't be reached");
	if (sd_bus_call_method(bus, NAME, "/io/github/smoothtask/Sampler1", NAME, "OpenStream", &error, &reply, "uu",
			       (uint32_t)PERIOD_MS, (uint32_t)ST_KIND_TASKS) < 0)
		fail(error.message ? error.message : "OpenStream failed");
	else if (sd_bus_message_read(reply, "h", &fd) < 0)
		fail("the answer has no file descriptor");
	else
		kept = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the message closes its own */
	sd_bus_message_unref(reply);
	sd_bus_error_free(&error);
	/* the bus stays open: a caller that leaves it loses its streams */
	return kept;
}

/* One packet into `packet`; its size, 0 at the end of the stream, -1 on errors. `fd`: what came with it, or -1. */
static ssize_t receive(int stream, char *packet, size_t room, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = { packet, room };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *head;
	ssize_t size;

	*fd = -1;
	do
		size = recvmsg(stream, &message, MSG_CMSG_CLOEXEC);
	while (size < 0 && errno == EINTR);
	if (size < 0)
		return fail("the stream can't be read");
	for (head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head))
		if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
			memcpy(fd, CMSG_DATA(head), sizeof(int));
	return size;
}

static int by_pid(const void *one, const void *other)
{
	const struct process *a = one, *b = other;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

static int by_cpu(const void *one, const void *other)
{
	const struct process *a = one, *b = other;

	return (a->cpu < b->cpu) - (a->cpu > b->cpu);
}

static struct process *find(const struct table *table, u32 pid)
{
	struct process wanted = { .pid = pid };

	return table->count ? bsearch(&wanted, table->rows, table->count, sizeof(wanted), by_pid) : NULL;
}

/* All processes of one TASKS section: rows with pid == tgid first, then their threads' time is added. */
static int read_tasks(const char *frame, const struct st_section *section, struct table *table)
{
	const char *first = frame + section->offset;
	struct st_task task;
	u32 at;

	table->rows = calloc(section->count ? section->count : 1, sizeof(*table->rows));
	if (!table->rows)
		return fail("no memory");
	for (at = 0; at < section->count; at++) {
		struct process *row = &table->rows[table->count];

		memcpy(&task, first + (size_t)at * section->record_bytes, sizeof(task));
		if (task.pid != task.tgid)
			continue;
		*row = (struct process){ .pid = task.pid, .start_ns = task.start_ns, .run_ns = task.run_ns };
		memcpy(row->comm, task.comm, ST_COMM_BYTES);
		table->count++;
	}
	qsort(table->rows, table->count, sizeof(*table->rows), by_pid);
	for (at = 0; at < section->count; at++) {
		struct process *row;

		memcpy(&task, first + (size_t)at * section->record_bytes, sizeof(task));
		if (task.pid != task.tgid && (row = find(table, task.tgid)))
			row->run_ns += task.run_ns;
	}
	return 0;
}

/* The frame's TASKS section, checked: seals, magic, version, bounds. */
static int read_frame(int fd, u64 bytes, struct table *table)
{
	const struct st_section *section;
	const struct st_frame *frame;
	int found = -1;
	char *start;

	if ((fcntl(fd, F_GET_SEALS) & SEALS) != SEALS)
		return fail("the frame isn't sealed");
	if (lseek(fd, 0, SEEK_END) != (off_t)bytes || bytes < sizeof(*frame))
		return fail("the frame has another size than was said");
	start = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (start == MAP_FAILED)
		return fail("the frame can't be mapped");
	frame = (const struct st_frame *)start;
	section = (const struct st_section *)(frame + 1);
	if (frame->magic != ST_FRAME_MAGIC || frame->version > ST_STREAM_VERSION ||
	    bytes < sizeof(*frame) + frame->section_count * sizeof(*section)) {
		fail("this isn't a frame that I know");
		goto out;
	}
	table->boottime_ns = frame->boottime_ns;
	for (int at = 0; at < frame->section_count; at++, section++) {
		if (section->kind != ST_SECTION_TASKS)
			continue;
		if (section->record_bytes < sizeof(struct st_task) || section->offset > bytes ||
		    (u64)section->count * section->record_bytes > bytes - section->offset) {
			fail("a section lies beyond the frame");
			goto out;
		}
		found = read_tasks(start, section, table);
	}
out:
	munmap(start, bytes);
	return found;
}

static void print(const struct table *before, struct table *now)
{
	double seconds = (now->boottime_ns - before->boottime_ns) / 1e9;

	for (size_t at = 0; at < now->count; at++) {
		struct process *row = &now->rows[at], *old = find(before, row->pid);

		row->cpu = -1;
		if (old && old->start_ns == row->start_ns && row->run_ns >= old->run_ns)
			row->cpu = (row->run_ns - old->run_ns) / 1e9 / seconds;
	}
	qsort(now->rows, now->count, sizeof(*now->rows), by_cpu);
	for (size_t at = 0; at < now->count && at < MOST && now->rows[at].cpu > 0; at++) {
		for (char *letter = now->rows[at].comm; *letter; letter++)
			if (*letter < ' ' || *letter > '~')
				*letter = '?'; /* a process chooses its own name */
		printf("%u %.3f %s\n", now->rows[at].pid, now->rows[at].cpu, now->rows[at].comm);
	}
	printf("-- %zu processes\n", now->count);
	fflush(stdout);
	qsort(now->rows, now->count, sizeof(*now->rows), by_pid);
}

int main(int argc, char **argv)
{
	_Alignas(8) static char packet[65536];
	const struct st_packet *head = (const struct st_packet *)packet;
	const struct st_tick *tick = (const struct st_tick *)(head + 1);
	const struct st_bye *bye = (const struct st_bye *)(head + 1);
	struct table before = { 0 }, now;
	long left = argc > 1 ? atol(argv[1]) : 10;
	int stream = open_stream(), fd;
	ssize_t size;

	if (stream < 0)
		return 1;
	while (left > 0 && (size = receive(stream, packet, sizeof(packet), &fd)) > 0) {
		if ((size_t)size < sizeof(*head) || head->magic != ST_PACKET_MAGIC || head->version > ST_STREAM_VERSION)
			return fail("this isn't a packet that I know") < 0;
		if (head->kind == ST_PACKET_BYE && (size_t)size >= sizeof(*head) + sizeof(*bye))
			return fprintf(stderr, "stream_client: the helper ended the stream, reason %u\n", bye->reason), 1;
		if (head->kind == ST_PACKET_TICK && (size_t)size >= sizeof(*head) + sizeof(*tick) && fd >= 0) {
			now = (struct table){ 0 };
			if (read_frame(fd, tick->frame_bytes, &now) < 0)
				return 1;
			if (before.rows) {
				print(&before, &now);
				left--;
			}
			free(before.rows);
			before = now;
		}
		if (fd >= 0)
			close(fd); /* its memory is the helper's */
	}
	free(before.rows);
	return left > 0;
}
