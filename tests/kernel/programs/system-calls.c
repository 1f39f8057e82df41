// Spends its time inside the kernel. Usage: system-calls ROUNDS; prints the CPU time it took in ns.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 20];

int main(int argc, char **argv)
{
	int fd = open("/dev/zero", O_RDONLY);
	long rounds = atol(argv[1]);
	for (long i = 0; i < rounds; i++)
		if (read(fd, buffer, sizeof(buffer)) < 0)
			return 1;
	struct timespec cpu;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%lld\n", cpu.tv_sec * 1000000000LL + cpu.tv_nsec);
}
