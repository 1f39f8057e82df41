/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/* From "a sample is due" to a count in the maps: what every source of samples shares. */
#ifndef FLAMEWATCH_TAKE_SAMPLE_BPF_H
#define FLAMEWATCH_TAKE_SAMPLE_BPF_H

#include "cgroup.bpf.h"
#include "filter.bpf.h"

/* Written by the collector through mmap: the generation samples go to, 0 or 1. */
volatile u32 generation;

/* Where the samples of one generation go: those of the CPU clock, and those of all other sources. */
struct clock_maps {
	void *way_a;
	void *way_b;
	void *user_stacks; /* with tables */
	void *counts;
};

struct beside_maps {
	void *stacks;
	void *counts;
};

#ifdef TABLES
#define USER_STACKS(gen) (&user_stacks_##gen)
#else
#define USER_STACKS(gen) NULL
#endif
#define CLOCK_MAPS(gen) \
	((struct clock_maps){ &stacks_##gen##a, &stacks_##gen##b, USER_STACKS(gen), &counts_##gen })
#define BESIDE_MAPS(gen) ((struct beside_maps){ &beside_stacks_##gen, &beside_counts_##gen })

/* Not `(*n)++`: a source may interrupt itself (struct workspace). */
static __always_inline void add_one(u64 *n)
{
	__sync_fetch_and_add(n, 1);
}

static __always_inline struct sample_stats *stats_of(u32 source, u32 gen)
{
	u32 index = STATS_INDEX(source, gen);

	return bpf_map_lookup_elem(&stats, &index);
}

/* NULL when all are in use; else to be given back. */
static __always_inline struct workspace *enter_workspace(void)
{
#pragma clang loop unroll(full)
	for (u32 i = 0; i < WORKSPACES; i++) {
		u32 index = i;
		struct workspace *w = bpf_map_lookup_elem(&workspaces, &index);

		if (w && !__sync_lock_test_and_set(&w->in_use, 1))
			return w;
	}
	return NULL;
}

static __always_inline void leave_workspace(struct workspace *w)
{
	__sync_lock_test_and_set(&w->in_use, 0);
}

static __always_inline bool is_full(s32 stack)
{
	return stack == -EEXIST || stack == -ENOMEM;
}

/* Never BPF_F_REUSE_STACKID: it would give the counts of the old stack to the new one. */
static __always_inline s32 take_stack(void *ctx, const struct clock_maps maps, u64 flags)
{
	s32 id = bpf_get_stackid(ctx, maps.way_a, flags);

	if (!is_full(id))
		return id;
	id = bpf_get_stackid(ctx, maps.way_b, flags);
	return id < 0 ? id : id | SECOND_WAY;
}

/*
 * Bytes written by bpf_get_stack(), 0 on failure. The barrier keeps the compiler from making one comparison
 * of a copy out of the two: verifiers before 6.18 learn nothing about the number itself from that.
 */
static __always_inline u64 length_of(s64 length)
{
	if (length < 0)
		return 0;
	barrier_var(length);
	return length > STACK_BYTES ? 0 : length;
}

/* Bytes of the user stack, to at most STACK_BYTES of them from `to` on. */
static __always_inline u64 copy_user_stack(void *ctx, struct workspace *w, void *to)
{
#ifdef TABLES
	u64 bytes = length_of(w->stack.length * sizeof(u64));

	return bytes && !bpf_probe_read_kernel(to, bytes, w->stack.addresses) ? bytes : 0;
#else
	return length_of(bpf_get_stack(ctx, to, STACK_BYTES, BPF_F_USER_STACK));
#endif
}

/* True when the sample went into the ring: it must not be counted as well. */
static __always_inline bool send_overflow(void *ctx, struct workspace *w, struct sample_key *key, u32 gen)
{
	struct overflow_record *record = &w->record;
	u64 kernel_bytes = 0, user_bytes = 0;

	if (is_full(key->kernel_stack))
		kernel_bytes = length_of(bpf_get_stack(ctx, record->addresses, STACK_BYTES, 0));
	if (is_full(key->user_stack))
		user_bytes = copy_user_stack(ctx, w, (void *)record->addresses + kernel_bytes);
	record->key = *key;
	record->generation = gen;
	record->kernel_bytes = kernel_bytes;
	record->user_bytes = user_bytes;
	return !bpf_ringbuf_output(&overflow, record,
				   offsetof(struct overflow_record, addresses) + kernel_bytes + user_bytes,
				   BPF_RB_NO_WAKEUP);
}

static __always_inline bool add_count(void *counts, struct sample_key *key, u64 value)
{
	struct sample_count first = { .samples = 1, .sum = value };
	struct sample_count *count = bpf_map_lookup_elem(counts, key);

	if (!count) {
		if (!bpf_map_update_elem(counts, key, &first, BPF_NOEXIST))
			return true;
		/* Another CPU was first, or the map is full. */
		count = bpf_map_lookup_elem(counts, key);
		if (!count)
			return false;
	}
	__sync_fetch_and_add(&count->samples, 1);
	if (value)
		__sync_fetch_and_add(&count->sum, value);
	return true;
}

/* Changes when the process executes another program. */
static __always_inline u32 program_of(struct task_struct *task)
{
#ifdef NO_BTF
	/* Not to be known here: tell of each process again every 2^33 ns = 8.6 s. */
	return bpf_ktime_get_ns() >> 33;
#else
	return BPF_CORE_READ(task, self_exec_id);
#endif
}

/* True when it has told. */
static __always_inline bool tell_of_process(struct sample_key *key, u32 program,
					    struct sample_stats *count)
{
	struct process_id id = { .start_time = key->start_time, .tgid = key->tgid };
	struct process_event event = {
		.start_time = key->start_time,
		.tgid = key->tgid,
		.program = program,
		.reason = EVENT_PROGRAM,
	};
	u32 *known = bpf_map_lookup_elem(&seen, &id);

	if (known && *known == program)
		return false;
	if (bpf_ringbuf_output(&events, &event, sizeof(event), 0)) {
		/* Not noted as seen: the next sample tries again. */
		add_one(&count->events_lost);
		return false;
	}
	/* On failure, or when two CPUs come here at once, the process is told of twice. */
	bpf_map_update_elem(&seen, &id, &program, BPF_ANY);
	return true;
}

/* What a key says of the current task, its stacks apart: in two parts, so that filters come early. */
static __always_inline void name_task(struct sample_key *key, u64 pid_tgid)
{
	key->tgid = pid_tgid >> 32;
	bpf_get_current_comm(key->comm, sizeof(key->comm));
}

/* Returns the flags of the task. */
static __always_inline u32 identify_task(struct sample_key *key, struct task_struct *task)
{
	u32 flags = 0;

#ifndef NO_BTF
	key->start_time = BPF_CORE_READ(task, group_leader, start_boottime);
	key->program = program_of(task);
	flags = BPF_CORE_READ(task, flags);
	key->kernel_thread = !!(flags & PF_KTHREAD);
#endif
	key->cgroup_id = cgroup_of(task, flags);
	return flags;
}

static __always_inline bool has_user_stack(u32 flags)
{
	return !(flags & (PF_KTHREAD | PF_IO_WORKER));
}

/* What exits has given its memory back before most of its work in the kernel. */
static __always_inline s32 user_stack_or_absent(s32 stack, u32 flags)
{
	return stack == -EFAULT && (flags & PF_EXITING) ? STACK_ABSENT : stack;
}

#include "user-stack.bpf.h"

/* A sample that is due: false when it is filtered. `is_new`: the collector was told of the process now. */
static __always_inline bool begin_sample(struct sample_key *key, struct sample_stats *count, u32 *flags,
					 bool *is_new)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	name_task(key, bpf_get_current_pid_tgid());
	if (is_filtered(key)) {
		add_one(&count->filtered);
		return false;
	}
	*flags = identify_task(key, task);
	*is_new = tell_of_process(key, program_of(task), count);
	return true;
}

/* The end of every sample, with its stacks in the key. */
static __always_inline void count_sample(void *counts, struct sample_key *key, u64 value,
					 struct sample_stats *count)
{
	if (add_count(counts, key, value))
		add_one(&count->counted);
	else
		add_one(&count->counts_full);
}

/* One of the CPU clock: `ctx` holds the registers of the task. */
static __always_inline void take_clock_sample(void *ctx, u32 gen, const struct clock_maps maps,
					      struct sample_stats *count)
{
	struct sample_key key = { .source = SOURCE_CPU, .user_stack = STACK_ABSENT };
	struct workspace *w;
	bool is_new;
	u32 flags;

	if (!begin_sample(&key, count, &flags, &is_new))
		return;
	w = enter_workspace();
	if (!w) {
		add_one(&count->nested);
		return;
	}
	key.kernel_stack = take_stack(ctx, maps, 0);
	if (has_user_stack(flags)) {
#ifdef TABLES
		key.user_stack = walk_user_stack(ctx, ctx, &w->walk, &w->stack, &key, is_new, flags, count);
		if (!key.user_stack)
			key.user_stack = keep_stack(&w->stack, maps.user_stacks, &key.user_hash);
#else
		key.user_stack = take_stack(ctx, maps, BPF_F_USER_STACK);
#endif
		key.user_stack = user_stack_or_absent(key.user_stack, flags);
	}
	if ((is_full(key.kernel_stack) || is_full(key.user_stack)) && send_overflow(ctx, w, &key, gen))
		add_one(&count->overflowed);
	else
		count_sample(maps.counts, &key, 0, count);
	leave_workspace(w);
}

/* One of a source beside it, which came in the kernel: the registers of the task are those saved there. */
static __always_inline void take_beside_sample(void *ctx, u32 source, const struct beside_maps maps,
					       struct sample_stats *count)
{
	struct sample_key key = { .source = source, .user_stack = STACK_ABSENT };
	struct workspace *w;
	bool is_new;
	u32 flags;

	if (!begin_sample(&key, count, &flags, &is_new))
		return;
	w = enter_workspace();
	if (!w) {
		add_one(&count->nested);
		return;
	}
	key.kernel_stack = copy_stack(ctx, &w->stack, 0);
	if (!key.kernel_stack)
		key.kernel_stack = keep_stack(&w->stack, maps.stacks, &key.kernel_hash);
	if (has_user_stack(flags)) {
		key.user_stack = walk_user_stack(ctx, NULL, &w->walk, &w->stack, &key, is_new, flags, count);
		if (!key.user_stack)
			key.user_stack = keep_stack(&w->stack, maps.stacks, &key.user_hash);
		key.user_stack = user_stack_or_absent(key.user_stack, flags);
	}
	count_sample(maps.counts, &key, 0, count);
	leave_workspace(w);
}

#endif
