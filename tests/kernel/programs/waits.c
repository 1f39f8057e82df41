// Waits in functions that tell by what, and measures itself how long. Works until it is written a
// character; prints lines "FUNCTION NANOSECONDS".
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define WAITS 3
#define MILLISECONDS 60

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int request[2], ready[2], answer[2];
static volatile uint64_t sink;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = MILLISECONDS * 1000000 }, NULL);
}

// Two functions each: where stacks are walked by frame pointers, the C library hides its caller.
#define WAIT_BY(name, call)                                                 \
	__attribute__((noinline)) static void call_##name(void) { call; sink++; } \
	__attribute__((noinline)) static void wait_by_##name(void)          \
	{                                                                   \
		call_##name();                                              \
		sink++;                                                     \
	}
WAIT_BY(sleep, nap())
WAIT_BY(lock, pthread_mutex_lock(&mutex))
WAIT_BY(read, sink += read(answer[0], &(char){ 0 }, 1))

// When asked, holds the lock for a while, then has an answer.
static void *keep_waiting(void *unused)
{
	while (read(request[0], &(char){ 0 }, 1) == 1) {
		pthread_mutex_lock(&mutex);
		write(ready[1], ".", 1);
		nap();
		pthread_mutex_unlock(&mutex);
		nap();
		write(answer[1], ".", 1);
	}
	return unused;
}

static int64_t measure(void (*wait)(void))
{
	int64_t start = now();

	wait();
	return now() - start;
}

int main(void)
{
	int64_t by_sleep = 0, by_lock = 0, by_read = 0;
	struct pollfd input = { .fd = 0, .events = POLLIN };
	pthread_t other;

	while (poll(&input, 1, 0) == 0)
		for (int i = 0; i < 10000; i++)
			sink++;
	if (pipe(request) || pipe(ready) || pipe(answer) || pthread_create(&other, NULL, keep_waiting, NULL))
		return 1;
	for (int i = 0; i < WAITS; i++) {
		by_sleep += measure(wait_by_sleep);
		write(request[1], ".", 1);
		sink += read(ready[0], &(char){ 0 }, 1);
		by_lock += measure(wait_by_lock);
		pthread_mutex_unlock(&mutex);
		by_read += measure(wait_by_read);
	}
	close(request[1]);
	pthread_join(other, NULL);
	printf("wait_by_sleep %lld\nwait_by_lock %lld\nwait_by_read %lld\n", (long long)by_sleep,
	       (long long)by_lock, (long long)by_read);
	return 0;
}
