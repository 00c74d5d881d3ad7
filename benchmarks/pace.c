/*
 * Loads that go on from where they were stopped, on all CPUs: how much of something the machine does a second, with the
 * same processes in the same memory each time. A lane that can't work says why, and so does the exit code.
 *   pace messages     on each CPU two processes pass a byte to and fro through pipes, as hackbench does
 *   pace forks        on each CPU a process forks, execs and reaps
 *   pace stream       on each CPU a process sends blocks of 64 KiB to another over loopback TCP
 *   pace texts        on each CPU two processes pass 64 bytes to and fro over loopback TCP
 *   pace datagrams    the same over loopback UDP
 *   pace fsyncs FILE  writes 4 KiB into a file that already has its size, and waits for the disk
 * For each line with a number of milliseconds it runs that long and prints how often, in how many ns; how often from
 * start to standstill, with how many ns of CPU. Stands still until the next line, ends with its standard input. Every
 * lane has a CPU to itself, both ends on it: where the scheduler puts two processes decides far more about messages than
 * what is measured here.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LANES = 256, ENDS = 2, TEXT = 64, BLOCK = 1 << 16, PAGE = 4096, PAGES = 1024, WARM_UP_MS = 20, LINE = 32 };

struct lane {
	volatile uint64_t count, reaped_ns; /* CPU time of children that have ended */
	volatile pid_t group, other_end;
	char apart[104];                    /* two cache lines: neighbours are fetched in pairs */
};

static struct lane *lanes;
static const char *path, *self = "/proc/self/exe";

static void fail(const char *what)
{
	perror(what);
	_exit(1);
}

static uint64_t ns_of(struct timeval time)
{
	return time.tv_sec * 1000000000ull + time.tv_usec * 1000ull;
}

static pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void whole(ssize_t did, ssize_t wanted, const char *what)
{
	if (did != wanted)
		fail(what);
}

static void messages(struct lane *lane)
{
	int to[2], back[2];
	char byte = 0;
	pid_t pid;

	if (pipe(to) || pipe(back))
		fail("pipe");
	pid = child();
	if (pid == 0)
		for (;;) {
			whole(read(to[0], &byte, 1), 1, "read");
			whole(write(back[1], &byte, 1), 1, "write");
		}
	lane->other_end = pid;
	for (;; lane->count++) {
		whole(write(to[1], &byte, 1), 1, "write");
		whole(read(back[0], &byte, 1), 1, "read");
	}
}

static void forks(struct lane *lane)
{
	struct rusage usage;

	for (;; lane->count++) {
		if (child() == 0) {
			execl(self, self, "nothing", (char *)NULL);
			_exit(1);
		}
		wait(NULL);
		getrusage(RUSAGE_CHILDREN, &usage);
		lane->reaped_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
	}
}

/* One end in a child of ours, where 0 is returned in `pid`; the other end here. */
static int loopback(pid_t *pid)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), end, one = 1;
	socklen_t length = sizeof(at);

	if (bind(listener, (struct sockaddr *)&at, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &length))
		fail("listen");
	*pid = child();
	if (*pid) {
		end = accept(listener, NULL, NULL);
	} else {
		end = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(end, (struct sockaddr *)&at, length))
			fail("connect");
	}
	close(listener);
	setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return end;
}

static void stream(struct lane *lane)
{
	static char block[BLOCK];
	pid_t pid;
	int end = loopback(&pid);

	if (pid == 0)
		while (read(end, block, sizeof(block)) > 0)
			;
	lane->other_end = pid;
	for (;; lane->count++)
		for (ssize_t sent = 0, more; sent < BLOCK; sent += more) /* less than asked for when it was stopped meanwhile */
			if ((more = send(end, block + sent, BLOCK - sent, 0)) <= 0)
				fail("send");
}

/* `pid` as fork() gave it: the child answers. */
static void exchange(struct lane *lane, int end, pid_t pid)
{
	char text[TEXT] = { 0 };

	if (pid == 0)
		for (;;) {
			whole(recv(end, text, sizeof(text), MSG_WAITALL), sizeof(text), "recv");
			whole(send(end, text, sizeof(text), 0), sizeof(text), "send");
		}
	lane->other_end = pid;
	for (;; lane->count++) {
		whole(send(end, text, sizeof(text), 0), sizeof(text), "send");
		whole(recv(end, text, sizeof(text), MSG_WAITALL), sizeof(text), "recv");
	}
}

static void texts(struct lane *lane)
{
	pid_t pid;
	int end = loopback(&pid);

	exchange(lane, end, pid);
}

static void datagrams(struct lane *lane)
{
	struct sockaddr_in at[ENDS] = { { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	int ends[ENDS];
	pid_t pid;

	at[1] = at[0];
	for (int end = 0; end < ENDS; end++) {
		socklen_t length = sizeof(at[end]);

		ends[end] = socket(AF_INET, SOCK_DGRAM, 0);
		if (bind(ends[end], (struct sockaddr *)&at[end], length) || getsockname(ends[end], (struct sockaddr *)&at[end], &length))
			fail("bind");
	}
	for (int end = 0; end < ENDS; end++)
		if (connect(ends[end], (struct sockaddr *)&at[!end], sizeof(at[!end])))
			fail("connect");
	pid = child();
	exchange(lane, ends[pid == 0], pid);
}

/* Written once before it is measured: a file that grows, or a block's first write, costs the journal several times as much. */
static void fsyncs(struct lane *lane)
{
	static char page[PAGE];
	int file = open(path, O_WRONLY | O_CREAT, 0600);

	if (file < 0)
		fail(path);
	for (int at = 0; at < PAGES; at++)
		whole(pwrite(file, page, PAGE, (off_t)at * PAGE), PAGE, path);
	if (fsync(file))
		fail(path);
	for (;; lane->count++) {
		whole(pwrite(file, page, PAGE, (off_t)(lane->count % PAGES) * PAGE), PAGE, path);
		if (fsync(file))
			fail(path);
	}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t counted(void)
{
	uint64_t sum = 0;

	for (int at = 0; at < LANES; at++)
		sum += lanes[at].count;
	return sum;
}

/* A lane is a process group: its ends are stopped at once, else one would complain of the other. */
static void start(void (*work)(struct lane *), int cpu)
{
	cpu_set_t one;
	pid_t pid = child();

	if (pid) {
		setpgid(pid, pid);
		lanes[cpu].group = pid;
		return;
	}
	setpgid(0, 0);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		fail("sched_setaffinity");
	work(&lanes[cpu]);
}

static void each_lane(int signal)
{
	for (int at = 0; at < LANES; at++)
		if (lanes[at].group)
			kill(-lanes[at].group, signal);
}

static uint64_t clock_of(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (!pid)
		return 0;
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		fail("the CPU time of a lane");
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t spent_ns(void)
{
	uint64_t sum = 0;

	for (int at = 0; at < LANES; at++)
		if (lanes[at].group)
			sum += clock_of(lanes[at].group) + clock_of(lanes[at].other_end) + lanes[at].reaped_ns;
	return sum;
}

static int a_lane_ended(void)
{
	return waitpid(-1, NULL, WNOHANG) != 0; /* it has said why */
}

static void pause_ms(long ms)
{
	usleep(ms * 1000);
}

/* Until two looks agree: a stop reaches a process only when it leaves the kernel. */
static void stand_still(void)
{
	uint64_t before;

	each_lane(SIGSTOP);
	do {
		before = spent_ns();
		pause_ms(2);
	} while (spent_ns() != before);
}

static int run_for(long ms)
{
	uint64_t from = counted(), spent = spent_ns(), began, before, count, took_ns;

	each_lane(SIGCONT);
	pause_ms(WARM_UP_MS);
	began = now_ns(), before = counted();
	do
		pause_ms(ms);
	while ((count = counted() - before) == 0 && !a_lane_ended()); /* a disk that others use may answer nothing for seconds */
	took_ns = now_ns() - began;
	stand_still();
	if (a_lane_ended())
		return 1;
	printf("%llu %llu %llu %llu\n", (unsigned long long)count, (unsigned long long)took_ns,
	       (unsigned long long)(counted() - from), (unsigned long long)(spent_ns() - spent));
	fflush(stdout);
	return 0;
}

static int serve(void)
{
	char line[LINE];
	int failed = 0;

	while (counted() == 0) {
		if (a_lane_ended())
			return 1;
		pause_ms(1);
	}
	stand_still();
	while (!failed && fgets(line, sizeof(line), stdin))
		failed = run_for(atol(line));
	each_lane(SIGKILL);
	while (wait(NULL) > 0)
		;
	return failed;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(struct lane *);
		int one_lane;
	} known[] = { { "messages", messages }, { "forks", forks }, { "stream", stream }, { "texts", texts }, { "datagrams", datagrams },
		    { "fsyncs", fsyncs, 1 } };
	cpu_set_t allowed;

	if (argc > 1 && !strcmp(argv[1], "nothing"))
		return 0;
	path = argc > 2 ? argv[2] : NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a lane that is killed leaves behind ends here too */
	lanes = mmap(NULL, LANES * sizeof(*lanes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lanes == MAP_FAILED || sched_getaffinity(0, sizeof(allowed), &allowed))
		fail("start");
	for (size_t at = 0; argc > 1 && at < sizeof(known) / sizeof(known[0]); at++)
		if (!strcmp(argv[1], known[at].name)) {
			for (int cpu = 0, taken = 0; cpu < LANES; cpu++)
				if (CPU_ISSET(cpu, &allowed) && !(known[at].one_lane && taken++))
					start(known[at].work, cpu);
			return serve();
		}
	fputs("usage: pace messages | forks | stream | texts | datagrams, pace fsyncs FILE\n", stderr);
	return 2;
}
