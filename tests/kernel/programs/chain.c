// Spends its time at the end of a known chain of calls, main -> outer -> middle -> inner, until its standard
// input is closed. Built without frame pointers. Prints its functions as "name address" first.
//   chain burn     in user mode
//   chain calls    in the kernel, in read(2)
//   chain plt      in calls of a short function of another library
//   chain signal   in a signal handler: inner -> raise -> handler -> spin
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define KEEP() __asm__ volatile("" ::: "memory")

extern char _start[], __executable_start[];
static char buffer[1 << 20];
static int zero;

NOINLINE unsigned long spin(unsigned long rounds)
{
	unsigned long x = rounds;

	for (unsigned long i = 0; i < rounds; i++) {
		x = x * 6364136223846793005ul + 1;
		KEEP();
	}
	return x;
}

static void handler(int signal)
{
	spin(200000);
	KEEP();
	(void)signal;
}

NOINLINE unsigned long inner(const char *mode)
{
	unsigned long x = 0;

	if (mode[0] == 'b')
		x = spin(200000);
	else if (mode[0] == 'c')
		x = read(zero, buffer, sizeof(buffer));
	else if (mode[0] == 'p')
		for (long i = 0; i < 50000; i++)
			x += labs(i);
	else
		raise(SIGUSR1);
	KEEP();
	return x;
}

// Frames of sizes that change: one with registers saved, one with an array of its own.
NOINLINE unsigned long middle(const char *mode, int depth)
{
	char room[64 + 16 * depth];
	unsigned long x;

	memset(room, depth, sizeof(room));
	x = inner(mode);
	KEEP();
	return x + room[depth];
}

NOINLINE unsigned long outer(const char *mode, long a, long b)
{
	unsigned long x = middle(mode, 3) + a;

	KEEP();
	x += b * a;
	KEEP();
	return x;
}

int main(int argc, char **argv)
{
	struct pollfd input = { .fd = 0, .events = POLLIN };
	unsigned long x = 0;

	zero = open("/dev/zero", O_RDONLY);
	signal(SIGUSR1, handler);
	printf("executable %p\n_start %p\nmain %p\nouter %p\nmiddle %p\ninner %p\nspin %p\nhandler %p\nend %p\n",
	       (void *)__executable_start, (void *)_start, (void *)main, (void *)outer, (void *)middle,
	       (void *)inner, (void *)spin, (void *)handler, (void *)buffer);
	fflush(stdout);
	while (poll(&input, 1, 0) == 0)
		x += outer(argv[1], argc, 2);
	return x == 1;
}
