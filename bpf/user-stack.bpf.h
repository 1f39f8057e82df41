/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/* The user stack of a sample: by tables where the process has them, else by the kernel's frame pointers. */
#ifndef FLAMEWATCH_USER_STACK_BPF_H
#define FLAMEWATCH_USER_STACK_BPF_H

#ifdef TABLES
#include "walk.bpf.h"
#endif

static __noinline u64 hash_stack(struct user_stack *stack)
{
	u64 hash = 0x9e3779b97f4a7c15ull ^ stack->length;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < STACK_DEPTH; i++) {
		if (i >= stack->length)
			break;
		hash = (hash ^ stack->addresses[i]) * 0xff51afd7ed558ccdull;
		hash ^= hash >> 32;
	}
	return hash ? hash : 1;
}

/* 0, or -ENOMEM when it found no place: the sample is then kept without it. */
static __always_inline s32 keep_stack(struct user_stack *stack, void *hashed_stacks, u64 *hash)
{
	s64 error;

	*hash = hash_stack(stack);
	if (bpf_map_lookup_elem(hashed_stacks, hash))
		return 0;
	error = bpf_map_update_elem(hashed_stacks, hash, stack, BPF_NOEXIST);
	if (!error || error == -EEXIST)
		return 0;
	*hash = 0;
	return -ENOMEM;
}

/* 0, or a negative errno. */
static __always_inline s32 stack_taken(s64 bytes, struct user_stack *stack)
{
	if (bytes <= 0)
		return bytes ? bytes : -EFAULT;
	stack->length = (u64)bytes / sizeof(u64);
	return 0;
}

/* By the kernel: its own stack, or that of user space by frame pointers. */
static __always_inline s32 copy_stack(void *ctx, struct user_stack *stack, u64 flags)
{
	return stack_taken(bpf_get_stack(ctx, stack->addresses, STACK_BYTES, flags), stack);
}

#ifdef TABLES
static __always_inline void tell_of_address(struct sample_key *key, u64 interval,
					    struct sample_stats *count)
{
	struct process_id id = { .start_time = key->start_time, .tgid = key->tgid };
	struct process_event event = {
		.start_time = key->start_time,
		.tgid = key->tgid,
		.program = key->program,
		.reason = EVENT_ADDRESS,
	};
	u64 now = bpf_ktime_get_ns(), *last = bpf_map_lookup_elem(&asked, &id);

	if (last && now - *last < interval)
		return;
	bpf_map_update_elem(&asked, &id, &now, BPF_ANY);
	if (bpf_ringbuf_output(&events, &event, sizeof(event), 0))
		add_one(&count->events_lost);
}

/*
 * Fills `stack` and returns 0, or a negative errno. `registers`: the context that holds those of user mode
 * when the event came there, else NULL. `is_new`: the collector was told of the process at this very sample.
 */
static __always_inline s32 walk_user_stack(void *ctx, void *registers, struct walk *w,
					   struct user_stack *stack, struct sample_key *key, bool is_new,
					   u32 flags, struct sample_stats *count)
{
	struct unwind_key run = { .start_time = key->start_time, .tgid = key->tgid, .program = key->program };
	struct unwind_process *process = bpf_map_lookup_elem(&processes, &run);
	s32 error;
	u32 end;

	if (!process && !is_new)
		tell_of_address(key, EVENT_INTERVAL_NO_ENTRY_NS, count);
	if (process && !(flags & PF_EXITING) && walk_stack(registers, process, stack, w)) {
		if (w->met_unknown && !process->quiet)
			tell_of_address(key, EVENT_INTERVAL_NS, count);
	} else {
		error = copy_stack(ctx, stack, BPF_F_USER_STACK);
		if (error)
			return error;
		w->end = END_FRAME_POINTERS;
	}
	end = w->end;
	if (end < END_KINDS)
		add_one(&count->ends[end]);
	return 0;
}
#else
static __always_inline s32 walk_user_stack(void *ctx, void *registers, struct walk *w,
					   struct user_stack *stack, struct sample_key *key, bool is_new,
					   u32 flags, struct sample_stats *count)
{
	return copy_stack(ctx, stack, BPF_F_USER_STACK);
}
#endif

#endif
