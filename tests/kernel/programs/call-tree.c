// Walks a random path through its functions over and over, so that nearly every sample has a stack
// of its own. Usage: call-tree WORK [SEED]; prints the CPU time it took in ns.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state;
static volatile uint64_t sink;

static uint32_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 32;
}

static void descend(int depth);

#define STEP(n)                                              \
	__attribute__((noinline)) static void step_##n(int depth) \
	{                                                    \
		descend(depth - 1);                          \
		sink += n;                                   \
	}
STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7)

static void (*const steps[])(int) = { step_0, step_1, step_2, step_3, step_4, step_5, step_6, step_7 };

__attribute__((noinline)) static void descend(int depth)
{
	if (depth <= 0) {
		for (int i = 0; i < 2000; i++)
			sink += i;
		return;
	}
	steps[draw() & 7](depth);
	sink++;
}

int main(int argc, char **argv)
{
	long work = argc > 1 ? atol(argv[1]) : 1000;
	state = argc > 2 ? 88172645463325252u + atol(argv[2]) : 88172645463325252u;
	for (long i = 0; i < work; i++)
		descend(10 + draw() % 30);
	struct timespec cpu;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%lld\n", cpu.tv_sec * 1000000000LL + cpu.tv_nsec);
}
