// Stands at the foot of a ladder of calls whose order is known. Usage: ladder RUNGS; prints the
// addresses of its functions, then works until its standard input ends.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile unsigned long sink;
static volatile int ended;

__attribute__((noinline)) static void work(void)
{
	while (!ended)
		sink++;
}

__attribute__((noinline)) static void rung(int below)
{
	if (below > 0)
		rung(below - 1);
	else
		work();
	sink++;
}

static void *wait_for_end(void *unused)
{
	char c;
	while (read(0, &c, 1) > 0)
		;
	ended = 1;
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t waiter;
	pthread_create(&waiter, NULL, wait_for_end, NULL);
	printf("work %lx\nrung %lx\nwait_for_end %lx\nmain %lx\n", (long)work, (long)rung,
	       (long)wait_for_end, (long)main);
	fflush(stdout);
	rung(atoi(argv[1]) - 1);
}
