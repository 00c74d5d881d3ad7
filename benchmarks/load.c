/*
 * Loads for the benchmarks, in C so that the load itself costs next to nothing. Ends when its starter does.
 *   load idle N                   N sleeping children; prints "ready", lives until stdin closes
 *   load threads N                one process of N sleeping threads; prints "ready", lives until stdin closes
 *   load storm CPU_US SECONDS W   W lanes, each forking children that burn CPU_US of CPU time one after another; prints count
 *   load pingpong PAIRS ROUNDS    PAIRS pairs of processes pass a byte to and fro (as hackbench does); prints elapsed ns
 *   load execs N PROGRAM MORE     N times starts PROGRAM (brief.c), which executes itself MORE times, and reaps it;
 *                                 prints elapsed ns
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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
	if (!strcmp(what, "execs") && argc > 4)
		return execs(a, argv[3], argv[4]);
	fputs("usage: load idle N | storm CPU_US SECONDS LANES | pingpong PAIRS ROUNDS | execs N PROGRAM MORE\n", stderr);
	return 2;
}
