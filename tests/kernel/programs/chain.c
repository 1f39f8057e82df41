// Spends its time at the end of a known chain of calls, main -> outer -> middle -> inner, until its standard
// input is closed. Built without frame pointers, and with.
//   chain burn     in user mode
//   chain calls    in the kernel, in read(2)
//   chain plt      in calls of a short function of another library
//   chain signal   in a signal handler: inner -> raise -> handler -> spin
//   chain vdso     in code of the kernel that is mapped into every process
//   chain bare     below a function that says nothing of its frame but keeps a frame pointer
//   chain aligned  below a function that moved its frame to an aligned place
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define KEEP() __asm__ volatile("" ::: "memory")

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

// As a JIT writes it: no rules, a frame pointer.
unsigned long bare(unsigned long rounds);
#if defined(__x86_64__)
__asm__(".text\n.type bare, @function\n"
	"bare: push %rbp\n mov %rsp, %rbp\n call spin\n pop %rbp\n ret\n.size bare, . - bare\n");
#else
__asm__(".text\n.type bare, %function\n"
	"bare: stp x29, x30, [sp, -16]!\n mov x29, sp\n bl spin\n ldp x29, x30, [sp], 16\n ret\n"
	".size bare, . - bare\n");
#endif

// On x86-64 gcc says by an expression where the frame of such a function is.
NOINLINE unsigned long aligned(unsigned long rounds)
{
	char room[rounds & 63];
	volatile unsigned long place __attribute__((aligned(64))) = rounds;

	memset(room, 0, sizeof(room));
	place += spin(place) + (unsigned char)room[0];
	return place;
}

NOINLINE unsigned long inner(const char *mode)
{
	struct timespec now;
	unsigned long x = 0;

	if (!strcmp(mode, "burn"))
		x = spin(200000);
	else if (!strcmp(mode, "calls"))
		x = read(zero, buffer, sizeof(buffer));
	else if (!strcmp(mode, "plt"))
		for (long i = 0; i < 50000; i++)
			x += labs(i);
	else if (!strcmp(mode, "vdso"))
		for (long i = 0; i < 20000; i++)
			x += clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	else if (!strcmp(mode, "bare"))
		x = bare(200000);
	else if (!strcmp(mode, "aligned"))
		x = aligned(200001);
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
	while (poll(&input, 1, 0) == 0)
		x += outer(argv[1], argc, 2);
	return x == 1;
}
