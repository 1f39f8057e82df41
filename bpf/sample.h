/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/*
 * What the kernel side writes and the collector reads. collector/kernel/sample-layout.ts repeats the
 * sizes, offsets and numbers; a test compiles this header and compares them.
 */
#ifndef FLAMEWATCH_SAMPLE_H
#define FLAMEWATCH_SAMPLE_H

#include <linux/types.h>
#include "unwind.h"

#define COMM_LENGTH 16

/* sysctl kernel.perf_event_max_stack is 127; the kernel refuses a stack map that is deeper. */
#define STACK_DEPTH 127
#define STACK_BYTES (STACK_DEPTH * 8)

/* A stack id of the second way carries this bit: ids are bucket numbers, far below it. */
#define SECOND_WAY 0x40000000

/*
 * Stands for a user stack where there is none to take (kernel threads). Every other negative number in
 * the place of a stack id is the errno that bpf_get_stackid() or bpf_get_stack() returned.
 */
#define STACK_ABSENT (-1)

/* Ids below 16 of DROP_REASONS in infra/contract/account.ts. Never reused; retired ones stay. */
enum drop_reason {
	DROP_COUNTS_FULL = 1,
	DROP_RECURSION = 2,
	DROP_WAIT_MEMORY = 3,
};

/* What samples are taken by. Each has counters of its own, and its number in the key. */
enum sample_source {
	SOURCE_CPU, /* the CPU clock */
	SOURCE_OFF_CPU, /* a thread that waited runs again */
	SOURCE_HOOK, /* the first hook the user named; the others follow */
	SOURCES = 16,
};

/* Written by the collector before load. What is not used here is no code in the kernel. */
struct settings {
	__u64 off_cpu_threshold_ns; /* a wait that is shorter is no sample */
	__u32 only_cgroup; /* 1: only tasks below the cgroup of the map only_cgroup */
	__u32 only_pids; /* 1: only processes of the map only_pids */
	__u32 exclude_comms; /* 1: no threads with a name of the map excluded_comms */
	__u32 pad;
};

#define MOST_ONLY_PIDS 1024
#define MOST_EXCLUDED_COMMS 256

/* One count is kept per different key, so padding is named and zeroed. */
struct sample_key {
	__u64 start_time; /* of the thread group, ns since boot; 0 without BTF */
	__u64 cgroup_id;
	/* Of stacks in a map by hash; 0 = kernel_stack or user_stack says. */
	__u64 kernel_hash;
	__u64 user_hash;
	__u32 tgid;
	/* Grows by 1 with each program the process executes; always 0 without BTF. */
	__u32 program;
	__s32 kernel_stack; /* stack id, STACK_ABSENT or a negative errno */
	__s32 user_stack;
	__u32 kernel_thread; /* 1 or 0; always 0 without BTF */
	__u32 source; /* enum sample_source */
	char comm[COMM_LENGTH];
};

struct sample_count {
	__u64 samples;
	__u64 sum; /* of SOURCE_OFF_CPU: nanoseconds waited */
};

/* A sample with a stack that found both its buckets taken: its whole key and the stacks themselves. */
struct overflow_record {
	struct sample_key key;
	__u32 generation;
	/* Bytes of `addresses` that are the kernel stack, then the user stack; 0 = the key's id holds. */
	__u32 kernel_bytes;
	__u32 user_bytes;
	__u32 pad;
	__u64 addresses[2 * STACK_DEPTH]; /* only the bytes used are sent */
};

/*
 * Per CPU, source and generation, only ever growing:
 * taken = idle + filtered + counted + overflowed + counts_full + nested + wait_memory.
 */
struct sample_stats {
	__u64 taken;
	__u64 idle;
	__u64 filtered; /* left out as the user asked */
	__u64 counted;
	__u64 overflowed;
	__u64 counts_full;
	__u64 nested; /* too many programs were interrupted on that CPU */
	__u64 wait_memory; /* off-CPU: no memory to note when the wait began */
	__u64 events_lost; /* processes the collector was not told of */
	__u64 ends[END_KINDS]; /* how walks of user stacks ended; 0 without tables */
};

/* Where a sample finds its counters in the map of stats. */
#define STATS_INDEX(source, generation) ((source) * 2 + (generation))

/* A stack that is kept once under its hash: user stacks walked by tables, both stacks of waits. */
struct user_stack {
	__u64 length;
	__u64 addresses[STACK_DEPTH];
};

enum event_reason {
	/* A process at its first sample, and again when it has executed another program. */
	EVENT_PROGRAM,
	/* A process whose entry misses an address, or that has none (any more). */
	EVENT_ADDRESS,
};

/* EVENT_ADDRESS comes at most this often for a process: with an entry, and without. */
#define EVENT_INTERVAL_NS 200000000
#define EVENT_INTERVAL_NO_ENTRY_NS 1000000000

/* Begins like struct unwind_key. */
struct process_event {
	__u64 start_time;
	__u32 tgid;
	__u32 program; /* changes when the process executes another one; means nothing else */
	__u32 reason;
	__u32 pad;
};

_Static_assert(sizeof(struct sample_key) == 72, "sample_key has no hidden padding");
_Static_assert(sizeof(struct overflow_record) == 88 + 2 * STACK_BYTES, "header, then two stacks");
_Static_assert(sizeof(struct process_event) == 24, "process_event has no hidden padding");

#endif
