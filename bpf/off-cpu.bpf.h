/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/*
 * Source of samples: threads that wait. When one is switched out, the time and its user stack are noted with
 * the thread; when it runs again, the nanoseconds between are added to that stack. Time in the queue of
 * runnable threads counts as waiting, but a thread that was preempted did not wait.
 */
#include "take-sample.bpf.h"

#ifndef NO_BTF

/* Of each thread that waited: what its sample will say. */
struct wait {
	u64 since; /* 0: does not wait */
	struct sample_key key;
	u64 is_filtered;
	struct walk walk;
	struct user_stack user_stack;
};

/* Goes with its thread, so that no number of a thread is taken for another's. Since 5.11. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct wait);
} waits SEC(".maps");

static __always_inline u32 state_of(struct task_struct *task)
{
	struct task_struct___before_5_14 *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ(old, state);
}

/* Kernel threads wait for most of their life, which is no news; stopped threads do not wait for anything. */
static __always_inline bool begins_to_wait(struct task_struct *task)
{
	return !(BPF_CORE_READ(task, flags) & PF_KTHREAD) &&
	       (state_of(task) & (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE));
}

/* `task` is the current one. */
static __always_inline void begin_wait(void *ctx, struct task_struct *task, struct sample_stats *count)
{
	struct wait *wait = bpf_task_storage_get(&waits, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct sample_key key = { .source = SOURCE_OFF_CPU, .user_stack = STACK_ABSENT };
	bool is_new;
	u32 flags;

	if (!wait) {
		add_one(&count->taken);
		add_one(&count->wait_memory);
		return;
	}
	/* Whether a wait is a sample is known at its end, and then whether it is filtered. */
	name_task(&key, bpf_get_current_pid_tgid());
	wait->is_filtered = is_filtered(&key);
	if (!wait->is_filtered) {
		flags = identify_task(&key, task);
		is_new = tell_of_process(&key, key.program, count);
		if (has_user_stack(flags))
			key.user_stack = user_stack_or_absent(walk_user_stack(ctx, NULL, &wait->walk, &wait->user_stack,
									      &key, is_new, flags, count),
							      flags);
		wait->key = key;
	}
	wait->since = bpf_ktime_get_ns();
}

static __always_inline void keep_wait(struct task_struct *task, struct wait *wait, u64 nanoseconds,
				      const struct beside_maps maps, struct sample_stats *count)
{
	struct sample_key key = wait->key;
	struct workspace *w = enter_workspace();

	if (!w) {
		add_one(&count->nested);
		return;
	}
	/* It has not run since, so its stack in the kernel is still there; that in user space is not in reach. */
	key.kernel_stack = stack_taken(bpf_get_task_stack(task, w->stack.addresses, STACK_BYTES, 0), &w->stack);
	if (!key.kernel_stack)
		key.kernel_stack = keep_stack(&w->stack, maps.stacks, &key.kernel_hash);
	if (!key.user_stack)
		key.user_stack = keep_stack(&wait->user_stack, maps.stacks, &key.user_hash);
	count_sample(maps.counts, &key, nanoseconds, count);
	leave_workspace(w);
}

/* `task` will be the current one. */
static __always_inline void end_wait(struct task_struct *task, const struct beside_maps maps,
				     struct sample_stats *count)
{
	struct wait *wait = bpf_task_storage_get(&waits, task, NULL, 0);
	u64 nanoseconds;

	if (!wait || !wait->since)
		return;
	nanoseconds = bpf_ktime_get_ns() - wait->since;
	wait->since = 0;
	if (nanoseconds < settings.off_cpu_threshold_ns)
		return;
	add_one(&count->taken);
	if (wait->is_filtered)
		add_one(&count->filtered);
	else
		keep_wait(task, wait, nanoseconds, maps, count);
}

static __always_inline int sample_switch(u64 *ctx, u32 gen, const struct beside_maps maps)
{
	bool is_preempted = ctx[0];
	struct task_struct *previous = (void *)ctx[1], *next = (void *)ctx[2];
	struct sample_stats *count = stats_of(SOURCE_OFF_CPU, gen);

	if (!count)
		return 0;
	if (!is_preempted && begins_to_wait(previous))
		begin_wait(ctx, previous, count);
	end_wait(next, maps, count);
	return 0;
}

/* Triggered when a CPU turns from one thread to another, in the context of the former. */
SEC("tp_btf/sched_switch")
int on_switch(u64 *ctx)
{
	if (generation & 1)
		return sample_switch(ctx, 1, BESIDE_MAPS(1));
	return sample_switch(ctx, 0, BESIDE_MAPS(0));
}

#endif
