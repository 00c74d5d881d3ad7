/*
 * Loads for the benchmarks, in C so that the load itself costs next to nothing. Ends when its starter does.
 *   load idle N                   N sleeping children; prints "ready", lives until stdin closes
 *   load threads N                one process of N sleeping threads; prints "ready", lives until stdin closes
 *   load storm CPU_US SECONDS W   W lanes, each forking children that burn CPU_US of CPU time one after another; prints count
 *   load pingpong PAIRS ROUNDS    PAIRS pairs of processes pass a byte to and fro (as hackbench does); prints elapsed ns
 *   load stream MIB               a process sends that much to another over loopback TCP; prints elapsed ns
 *   load messages ROUNDS          two processes pass 64 bytes to and fro over loopback TCP; prints elapsed ns
 *   load fsyncs N FILE            writes 4 KiB and waits for the disk, N times; prints elapsed ns
 *   load forks N                  forks, execs and reaps /bin/true-like children N times; prints elapsed ns
 *   load execs N PROGRAM MORE     N times starts PROGRAM (brief.c), which executes itself MORE times, and reaps it;
 *                                 prints elapsed ns
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static int idle(long count)
{
	char byte;

	for (long i = 0; i < count; i++)
		if (child() == 0)
			for (;;)
				pause();
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}

static void *sleep_on(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

/* Without guard pages: their mappings would be more than a process may have (vm.max_map_count). */
static int threads(long count)
{
	pthread_attr_t small;
	pthread_t one;
	char byte;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 16384);
	pthread_attr_setguardsize(&small, 0);
	for (long i = 1; i < count; i++)
		if (pthread_create(&one, &small, sleep_on, NULL)) {
			perror("pthread_create");
			return 1;
		}
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	_exit(0);
}

static void burn(uint64_t ns)
{
	volatile uint64_t turns = 0;

	while (now_ns(CLOCK_PROCESS_CPUTIME_ID) < ns)
		turns++;
}

static int storm(uint64_t cpu_us, uint64_t seconds, long lanes)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + seconds * 1000000000ull;
	uint64_t count = 0, part;
	int sum[2];

	if (pipe(sum))
		return 1;
	for (long lane = 0; lane < lanes; lane++)
		if (child() == 0) {
			while (now_ns(CLOCK_MONOTONIC) < end) {
				if (child() == 0) {
					burn(cpu_us * 1000);
					_exit(0);
				}
				wait(NULL);
				count++;
			}
			_exit(write(sum[1], &count, sizeof(count)) != sizeof(count));
		}
	close(sum[1]);
	while (read(sum[0], &part, sizeof(part)) == sizeof(part))
		count += part;
	while (wait(NULL) > 0)
		;
	printf("%llu\n", (unsigned long long)count);
	return 0;
}

static int pingpong(long pairs, long rounds)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);

	for (long pair = 0; pair < pairs; pair++) {
		int to[2], back[2];
		char byte = 0;

		if (pipe(to) || pipe(back))
			return 1;
		if (child() == 0) {
			for (long i = 0; i < rounds; i++)
				if (read(to[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
					_exit(1);
			_exit(0);
		}
		if (child() == 0) {
			for (long i = 0; i < rounds; i++)
				if (write(to[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
					_exit(1);
			_exit(0);
		}
		close(to[0]), close(to[1]), close(back[0]), close(back[1]);
	}
	while (wait(NULL) > 0)
		;
	printf("%llu\n", (unsigned long long)(now_ns(CLOCK_MONOTONIC) - start));
	return 0;
}

/* One end in a child of ours, where 0 is returned in `pid`; the other end here. */
static int loopback(pid_t *pid)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), end, one = 1;
	socklen_t length = sizeof(at);

	if (bind(listener, (struct sockaddr *)&at, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &length)) {
		perror("listen");
		exit(1);
	}
	*pid = child();
	if (*pid) {
		end = accept(listener, NULL, NULL);
	} else {
		end = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(end, (struct sockaddr *)&at, length))
			_exit(1);
	}
	close(listener);
	setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return end;
}

static int elapsed(uint64_t start)
{
	while (wait(NULL) > 0)
		;
	printf("%llu\n", (unsigned long long)(now_ns(CLOCK_MONOTONIC) - start));
	return 0;
}

static int stream(long mib)
{
	static char block[1 << 16];
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	pid_t pid;
	int end = loopback(&pid);

	if (pid == 0) {
		for (long left = mib * 16; left; left--)
			if (send(end, block, sizeof(block), 0) != sizeof(block))
				_exit(1);
		_exit(0);
	}
	while (read(end, block, sizeof(block)) > 0)
		;
	return elapsed(start);
}

static int messages(long rounds)
{
	char text[64] = { 0 };
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	pid_t pid;
	int end = loopback(&pid);

	for (long i = 0; i < rounds; i++) {
		if (pid && send(end, text, sizeof(text), 0) != sizeof(text))
			return 1;
		if (recv(end, text, sizeof(text), MSG_WAITALL) != sizeof(text))
			return 1;
		if (!pid && send(end, text, sizeof(text), 0) != sizeof(text))
			_exit(1);
	}
	if (pid == 0)
		_exit(0);
	return elapsed(start);
}

static int fsyncs(long count, const char *path)
{
	static char block[4096];
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	uint64_t start = now_ns(CLOCK_MONOTONIC);

	for (long i = 0; i < count; i++)
		if (pwrite(file, block, sizeof(block), i * sizeof(block)) != sizeof(block) || fsync(file)) {
			perror(path);
			return 1;
		}
	return elapsed(start);
}

static int forks(const char *self, long count)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);

	for (long i = 0; i < count; i++) {
		if (child() == 0) {
			execl(self, self, "nothing", (char *)NULL);
			_exit(1);
		}
		wait(NULL);
	}
	printf("%llu\n", (unsigned long long)(now_ns(CLOCK_MONOTONIC) - start));
	return 0;
}

/* vfork(2), whose child borrows our memory, costs a third of fork(2). */
static int execs(long count, char *program, const char *more)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	char *nothing[] = { NULL };
	int status;

	for (long i = 0; i < count; i++) {
		char digits[16], *arguments[] = { program, digits, NULL };
		snprintf(digits, sizeof(digits), "%s", more);
		pid_t pid = vfork();
		if (pid == 0) {
			execve(program, arguments, nothing);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
			fprintf(stderr, "%s %s: status %#x\n", program, more, status);
			return 1;
		}
	}
	printf("%llu\n", (unsigned long long)(now_ns(CLOCK_MONOTONIC) - start));
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long a = argc > 2 ? atol(argv[2]) : 0, b = argc > 3 ? atol(argv[3]) : 0, c = argc > 4 ? atol(argv[4]) : 1;

	if (!strcmp(what, "nothing"))
		return 0;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!strcmp(what, "idle"))
		return idle(a);
	if (!strcmp(what, "threads"))
		return threads(a);
	if (!strcmp(what, "storm"))
		return storm(a, b, c);
	if (!strcmp(what, "pingpong"))
		return pingpong(a, b);
	if (!strcmp(what, "stream"))
		return stream(a);
	if (!strcmp(what, "messages"))
		return messages(a);
	if (!strcmp(what, "fsyncs") && argc > 3)
		return fsyncs(a, argv[3]);
	if (!strcmp(what, "forks"))
		return forks("/proc/self/exe", a);
	if (!strcmp(what, "execs") && argc > 4)
		return execs(a, argv[3], argv[4]);
	fputs("usage: load idle N | storm CPU_US SECONDS LANES | pingpong PAIRS ROUNDS | stream MIB | messages ROUNDS | fsyncs N FILE | forks N | execs N PROGRAM MORE\n", stderr);
	return 2;
}
