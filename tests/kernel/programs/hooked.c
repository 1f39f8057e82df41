// Calls functions a known number of times. Waits for a character first.
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile unsigned long sink;

__attribute__((noinline)) void hooked(void)
{
	sink++;
}

__attribute__((noinline)) static void call_often(void)
{
	for (int i = 0; i < 300; i++)
		hooked();
	sink++;
}

__attribute__((noinline)) static void call_seldom(void)
{
	for (int i = 0; i < 20; i++)
		hooked();
	sink++;
}

__attribute__((noinline)) static void ask_kernel(void)
{
	for (int i = 0; i < 500; i++)
		syscall(SYS_getppid);
	sink++;
}

int main(void)
{
	if (read(0, &(char){ 0 }, 1) != 1)
		return 1;
	call_often();
	call_seldom();
	ask_kernel();
	return read(0, &(char){ 0 }, 1) != 1;
}
