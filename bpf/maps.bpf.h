/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
#ifndef FLAMEWATCH_MAPS_BPF_H
#define FLAMEWATCH_MAPS_BPF_H

#include "walk-state.bpf.h"

/*
 * Two generations, 0 and 1: the program fills one while the collector empties the other. The collector
 * sets the sizes before load from CPUs x rate (collector/kernel/map-sizes.ts); those here are the least.
 */
#define STACK_MAP(name)                                  \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_STACK_TRACE);  \
		__uint(max_entries, 2048);               \
		__uint(key_size, sizeof(u32));           \
		__uint(value_size, STACK_BYTES);         \
	} name SEC(".maps")

#define COUNT_MAP(name)                                  \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_HASH);         \
		__uint(max_entries, 4096);               \
		__type(key, struct sample_key);          \
		__type(value, struct sample_count);      \
	} name SEC(".maps")

/*
 * Way a is tried first, then way b: as a cache with two ways, which loses far less than one map. All maps
 * are preallocated: programs of perf events may use no others before 6.1.
 */
STACK_MAP(stacks_0a);
STACK_MAP(stacks_0b);
STACK_MAP(stacks_1a);
STACK_MAP(stacks_1b);
COUNT_MAP(counts_0);
COUNT_MAP(counts_1);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * SOURCES);
	__type(key, u32);
	__type(value, struct sample_stats);
} stats SEC(".maps");

/* Samples whose stack found no bucket. Read once per window: nobody is woken. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} overflow SEC(".maps");

/*
 * The BPF stack has 512 bytes, so a sample works here. The CPU clock may interrupt the program of a hook, and
 * programs of uprobes may be scheduled out: each takes a workspace that is free and gives it back.
 */
#define WORKSPACES 4

struct workspace {
	u64 in_use;
	struct walk walk;
	struct user_stack stack; /* being walked */
	struct overflow_record record;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WORKSPACES);
	__type(key, u32);
	__type(value, struct workspace);
} workspaces SEC(".maps");

/* What the user asked for, see filter.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} only_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MOST_ONLY_PIDS);
	__type(key, u32);
	__type(value, u32);
} only_pids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MOST_EXCLUDED_COMMS);
	__type(key, char[COMM_LENGTH]);
	__type(value, u32);
} excluded_comms SEC(".maps");

struct process_id {
	u64 start_time;
	u64 tgid;
};

/* Processes the collector was told of, with the program they ran then (see program_of). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct process_id);
	__type(value, u32);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

/* Stacks by their hash of 64 bits: two that differ never meet in one place. */
#define HASHED_STACK_MAP(name, flags)                    \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_HASH);         \
		__uint(map_flags, flags);                \
		__uint(max_entries, 2048);               \
		__type(key, u64);                        \
		__type(value, struct user_stack);        \
	} name SEC(".maps")

/*
 * What sources beside the CPU clock count. They come at any rate, and must not crowd out the samples of the
 * clock.
 */
HASHED_STACK_MAP(beside_stacks_0, 0);
HASHED_STACK_MAP(beside_stacks_1, 0);
COUNT_MAP(beside_counts_0);
COUNT_MAP(beside_counts_1);

#ifdef TABLES
/*
 * User stacks walked by tables at the ticks of the clock; room for one a sample, memory for those that are there:
 * maps of a clock's program need not be preallocated since 6.1.
 */
HASHED_STACK_MAP(user_stacks_0, BPF_F_NO_PREALLOC);
HASHED_STACK_MAP(user_stacks_1, BPF_F_NO_PREALLOC);

/* 5 KiB each. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, UNWIND_PROCESSES);
	__type(key, struct unwind_key);
	__type(value, struct unwind_process);
} processes SEC(".maps");

struct table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, UNWIND_TABLE_FLAGS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct unwind_line));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UNWIND_TABLES);
	__type(key, u32);
	__array(values, struct table);
} tables SEC(".maps");

/* When the collector was last told of an unknown address of a process. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct process_id);
	__type(value, u64);
} asked SEC(".maps");
#endif

/*
 * An update of a map of maps from user space returns after an RCU grace period
 * (maybe_wait_bpf_programs in kernel/bpf/syscall.c): then no program still runs that read the old
 * generation. No program reads this map.
 */
struct barrier_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} barrier_inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct barrier_inner);
} barrier SEC(".maps") = { .values = { &barrier_inner } };

#endif
