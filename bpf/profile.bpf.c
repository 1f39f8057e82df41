// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Copyright (c) 2026 The Flamewatch authors
#include "kernel.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "maps.bpf.h"

/*
 * Compiled several times. TABLES: user stacks are walked by tables instead of by frame pointers; one object
 * per processor. NO_BTF leaves out every CO-RE relocation: one that cannot be resolved refuses the whole
 * object, so kernels without BTF need an object that has none.
 */

/* Written by the collector through mmap: the generation samples go to, 0 or 1. */
volatile u32 generation;

static __always_inline bool is_full(s32 stack)
{
	return stack == -EEXIST || stack == -ENOMEM;
}

/* Never BPF_F_REUSE_STACKID: it would give the counts of the old stack to the new one. */
static __always_inline s32 take_stack(void *ctx, void *way_a, void *way_b, u64 flags)
{
	s32 id = bpf_get_stackid(ctx, way_a, flags);

	if (!is_full(id))
		return id;
	id = bpf_get_stackid(ctx, way_b, flags);
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
static __always_inline u64 copy_user_stack(void *ctx, void *to)
{
#ifdef TABLES
	u32 zero = 0;
	struct user_stack *stack = bpf_map_lookup_elem(&walked, &zero);
	u64 bytes = stack ? length_of(stack->length * sizeof(u64)) : 0;

	return bytes && !bpf_probe_read_kernel(to, bytes, stack->addresses) ? bytes : 0;
#else
	return length_of(bpf_get_stack(ctx, to, STACK_BYTES, BPF_F_USER_STACK));
#endif
}

/* True when the sample went into the ring: it must not be counted as well. */
static __always_inline bool send_overflow(void *ctx, struct sample_key *key, u32 gen)
{
	u32 zero = 0;
	struct overflow_record *record = bpf_map_lookup_elem(&scratch, &zero);
	u64 kernel_bytes = 0, user_bytes = 0;

	if (!record)
		return false;
	if (is_full(key->kernel_stack))
		kernel_bytes = length_of(bpf_get_stack(ctx, record->addresses, STACK_BYTES, 0));
	if (is_full(key->user_stack))
		user_bytes = copy_user_stack(ctx, (void *)record->addresses + kernel_bytes);
	record->key = *key;
	record->generation = gen;
	record->kernel_bytes = kernel_bytes;
	record->user_bytes = user_bytes;
	return !bpf_ringbuf_output(&overflow, record,
				   offsetof(struct overflow_record, addresses) + kernel_bytes + user_bytes,
				   BPF_RB_NO_WAKEUP);
}

static __always_inline bool add_count(void *counts, struct sample_key *key)
{
	u64 one = 1, *count = bpf_map_lookup_elem(counts, key);

	if (!count) {
		if (!bpf_map_update_elem(counts, key, &one, BPF_NOEXIST))
			return true;
		/* Another CPU was first, or the map is full. */
		count = bpf_map_lookup_elem(counts, key);
		if (!count)
			return false;
	}
	__sync_fetch_and_add(count, 1);
	return true;
}

/* Changes when the process executes another program; the number itself means nothing. */
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
		count->events_lost++;
		return false;
	}
	/* On failure, or when two CPUs come here at once, the process is told of twice. */
	bpf_map_update_elem(&seen, &id, &program, BPF_ANY);
	return true;
}

#ifdef TABLES
#include "user-stack.bpf.h"
#endif

static __always_inline int count_sample(void *ctx, u32 gen, void *way_a, void *way_b, void *user_stacks,
					void *counts)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sample_stats *count = bpf_map_lookup_elem(&stats, &gen);
	u64 pid_tgid = bpf_get_current_pid_tgid();
	struct sample_key key = {};
	u32 flags = 0, program;
	bool is_new __attribute__((unused)); /* without tables */

	if (!count)
		return 0;
	count->taken++;
	if ((u32)pid_tgid == 0) {
		count->idle++;
		return 0;
	}

	key.tgid = pid_tgid >> 32;
	key.cgroup_id = bpf_get_current_cgroup_id();
	bpf_get_current_comm(key.comm, sizeof(key.comm));
#ifndef NO_BTF
	key.start_time = BPF_CORE_READ(task, group_leader, start_boottime);
	flags = BPF_CORE_READ(task, flags);
	key.kernel_thread = !!(flags & PF_KTHREAD);
#endif
	program = program_of(task);
	is_new = tell_of_process(&key, program, count);

	key.kernel_stack = take_stack(ctx, way_a, way_b, 0);
	key.user_stack = STACK_ABSENT;
	if (!(flags & (PF_KTHREAD | PF_IO_WORKER)))
#ifdef TABLES
		key.user_stack = take_user_stack(ctx, user_stacks, &key, program, is_new, flags, count);
#else
		key.user_stack = take_stack(ctx, way_a, way_b, BPF_F_USER_STACK);
#endif
	/* What exits has given its memory back before most of its work in the kernel. */
	if (key.user_stack == -EFAULT && (flags & PF_EXITING))
		key.user_stack = STACK_ABSENT;
	if ((is_full(key.kernel_stack) || is_full(key.user_stack)) && send_overflow(ctx, &key, gen))
		count->overflowed++;
	else if (add_count(counts, &key))
		count->counted++;
	else
		count->counts_full++;
	return 0;
}

#ifdef TABLES
#define USER_STACKS(gen) (&user_stacks_##gen)
#else
#define USER_STACKS(gen) NULL
#endif

/* Triggered by the CPU clock of each online CPU, in the context of whatever runs there. */
SEC("perf_event")
int on_sample(void *ctx)
{
	if (generation & 1)
		return count_sample(ctx, 1, &stacks_1a, &stacks_1b, USER_STACKS(1), &counts_1);
	return count_sample(ctx, 0, &stacks_0a, &stacks_0b, USER_STACKS(0), &counts_0);
}

/* The stack helpers are for GPL-compatible programs. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
