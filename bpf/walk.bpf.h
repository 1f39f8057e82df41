/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/* Walks a user stack by the tables of unwind.h, one frame a call of step(). */
#ifndef FLAMEWATCH_WALK_BPF_H
#define FLAMEWATCH_WALK_BPF_H

#include "leave.bpf.h"

struct walk_pointers {
	struct walk *walk;
	struct user_stack *stack; /* so far */
	struct unwind_process *process;
};

/* Takes one frame down and goes to its caller; 1 at the end, which walk->end then says. */
static long step(u32 i, struct walk_pointers *pointers)
{
	struct walk *w = pointers->walk;
	struct unwind_process *process = pointers->process;
	u64 address = w->r.ip - w->is_return;
	struct unwind_row row = {};
	struct unwind_mapping *m;
	u32 at = w->mapping, rule;
	s64 offset;
	u64 cfa;

	if (i >= STACK_DEPTH)
		return stop(w, END_DEPTH);
	pointers->stack->addresses[i] = w->r.ip;
	pointers->stack->length = i + 1;

	if (at >= UNWIND_MAPPINGS || address < process->mappings[at].start ||
	    address >= process->mappings[at].end) {
		at = find_mapping(process, address);
		w->mapping = at;
		if (at >= UNWIND_MAPPINGS) {
			w->met_unknown = true;
			return step_by_frame_pointer(w, process, END_NO_MAPPING);
		}
	}
	m = &process->mappings[at];
	if (m->table == UNWIND_TABLE_UNKNOWN || m->table == UNWIND_TABLE_FRAME_POINTERS)
		return step_by_frame_pointer(w, process, END_NO_TABLE);
	if (!find_row(m, address, &row))
		return step_by_frame_pointer(w, process, END_NO_ROW);

	rule = row.types & 15;
	offset = cfa_offset_of(&row);
	if (rule == CFA_END)
		return stop(w, END_WHOLE);
	if (rule == CFA_SIGNAL)
		return step_out_of_signal(w);
	if (rule == CFA_NONE)
		return step_by_frame_pointer(w, process, END_NO_ROW);
#if defined(__TARGET_ARCH_arm64)
	if (w->sp_is_bound && rule != CFA_FP && !find_sp(w, &row))
		return step_by_frame_pointer(w, process, END_UNSUPPORTED);
#endif

	if (rule == CFA_SP)
		cfa = w->r.sp + offset;
	else if (rule == CFA_FP)
		cfa = w->r.fp + offset;
	else if (rule == CFA_PLT)
		cfa = w->r.sp + 8 + ((w->r.ip & 15) >= (u16)row.cfa_offset ? 8 : 0);
	else if (rule == CFA_AT_FP || rule == CFA_AT_FP_8 || rule == CFA_AT_SP || rule == CFA_AT_SP_8) {
		bool by_fp = rule == CFA_AT_FP || rule == CFA_AT_FP_8;

		if (!read_user(&cfa, sizeof(cfa), (by_fp ? w->r.fp : w->r.sp) + offset))
			return stop(w, END_READ_FAILED);
		if (rule == CFA_AT_FP_8 || rule == CFA_AT_SP_8)
			cfa += 8;
	} else
		return step_by_frame_pointer(w, process, END_UNSUPPORTED);

	/* Stacks grow down. Only a function that called nothing yet may have no frame (arm64). */
	if (cfa < w->r.sp || (cfa == w->r.sp && w->is_return))
		return stop(w, END_UNSUPPORTED);
	return leave_frame(w, cfa, &row);
}

/* Fills `stack`; false when the walk cannot begin. */
static __always_inline bool walk_stack(void *ctx, struct unwind_process *process,
				       struct user_stack *stack, struct walk *w)
{
	struct walk_pointers pointers = { .walk = w, .stack = stack, .process = process };

	w->mapping = UNWIND_MAPPINGS;
	w->is_return = false;
	w->sp_is_bound = false;
	w->met_unknown = false;
	stack->length = 0;
	if (!read_registers(ctx, &w->r))
		return false;
	bpf_loop(STACK_DEPTH + 1, step, &pointers, 0);
	return true;
}

#endif
