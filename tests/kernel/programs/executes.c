// Works in a function, waits for a character, then executes another program in its place.
// Usage: executes MILLISECONDS PROGRAM [ARGUMENT…]; works in `after` where PROGRAM is `-`.
// Threads of all these programs have one name, so that it tells nothing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sink;

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#ifdef LAST
#define WORK works_after
#else
#define WORK works_before
#endif

__attribute__((noinline)) static void WORK(long until)
{
	while (milliseconds() < until)
		for (int i = 0; i < 10000; i++)
			sink += i;
}

int main(int argc, char **argv)
{
	long spent = milliseconds();

	if (argc < 3)
		return 2;
	prctl(PR_SET_NAME, "all-the-same");
	WORK(spent + atol(argv[1]));
	/* Not getchar(): it would read the characters of the next program. */
	if (read(0, &(char){ 0 }, 1) != 1)
		return 3;
	if (strcmp(argv[2], "-"))
		return execv(argv[2], argv + 2);
	return 0;
}
