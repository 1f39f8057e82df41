/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/* Walks a user stack by the tables of unwind.h, one frame a call of step(). */
#ifndef FLAMEWATCH_WALK_BPF_H
#define FLAMEWATCH_WALK_BPF_H

#include "registers.bpf.h"

#define MOST_FRAME_BYTES (8 << 20)
#define FIRST_ADDRESS 4096 /* nothing is mapped below (vm.mmap_min_addr) */

struct walk {
	struct registers r;
	struct unwind_process *process;
	struct user_stack *stack;
	u32 mapping; /* the one the last frame was in: often that of the next, too */
	u32 end; /* enum unwind_end, once step() returned 1 */
	bool is_return; /* r.ip is a return address: the call is before it */
	bool sp_is_bound; /* r.sp is below the true one: arm64 after a step by frame pointer */
	bool met_unknown; /* an address outside all mappings */
};

static __always_inline bool read_user(void *to, u32 size, u64 from)
{
	return !bpf_probe_read_user(to, size, (void *)from);
}

static __always_inline long stop(struct walk *w, u32 end)
{
	w->end = end;
	return 1;
}

/* Continues at a return address; 1 when that is none. */
static __always_inline long go_on(struct walk *w, u64 ip, u32 end)
{
	ip = strip_signature(ip);
	w->r.ip = ip;
	w->is_return = true;
	return ip < FIRST_ADDRESS ? stop(w, end) : 0;
}

/*
 * Where no rule is known (JIT, assembly, files without a table): one step by frame pointer, guarded. `why`
 * is the end of the walk when that leads nowhere.
 */
static __noinline long step_by_frame_pointer(struct walk *w, u32 why)
{
	u64 record[2]; /* the caller's frame pointer, the return address */
	u64 fp = w->r.fp;

	if (fp < w->r.sp || fp - w->r.sp > MOST_FRAME_BYTES || (fp & 7))
		return stop(w, why);
	if (!read_user(record, sizeof(record), fp))
		return stop(w, END_READ_FAILED);
	w->r.sp = fp + sizeof(record);
	w->r.fp = record[0];
#if defined(__TARGET_ARCH_arm64)
	/* The record may be anywhere in its frame. */
	w->sp_is_bound = true;
#endif
	return go_on(w, record[1], record[1] ? why : END_WHOLE);
}

/* The index of the mapping an address is in; UNWIND_MAPPINGS when in none. */
static __always_inline u32 find_mapping(struct unwind_process *process, u64 address)
{
	u32 low = 0, high = process->mappings_used;

#pragma clang loop unroll(disable)
	for (int i = 0; i < 8; i++) { /* 2^8 > UNWIND_MAPPINGS */
		u32 middle = (low + high) / 2;

		if (low >= high || middle >= UNWIND_MAPPINGS)
			break;
		if (process->mappings[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	low--;
	if (low >= UNWIND_MAPPINGS || address >= process->mappings[low].end)
		return UNWIND_MAPPINGS;
	return low;
}

/* The row in force at an address of a mapping; false when the table has none there. */
static __always_inline bool find_row(struct unwind_mapping *m, u64 address, struct unwind_row *row)
{
	void *table = bpf_map_lookup_elem(&tables, &m->table);
	u32 pc = address - m->bias;
	u32 page = (pc >> UNWIND_PAGE_SHIFT) - m->page0, next = page + 1;
	struct unwind_page *first, *last;
	u32 low, high;
	bool found = false;

	if (!table || page >= m->pages)
		return false;
	first = bpf_map_lookup_elem(table, &page);
	last = bpf_map_lookup_elem(table, &next);
	if (!first || !last)
		return false;
	low = first->row;
	high = last->row + 1;
#pragma clang loop unroll(disable)
	for (int i = 0; i < 13; i++) { /* a page has at most 4096 rows and one from before it */
		u32 middle = (low + high) / 2;
		struct unwind_row *at;

		if (low >= high)
			break;
		at = bpf_map_lookup_elem(table, &middle);
		if (!at)
			break;
		if (at->pc <= pc) {
			*row = *at;
			found = true;
			low = middle + 1;
		} else
			high = middle;
	}
	return found;
}

static __always_inline long step_out_of_signal(struct walk *w)
{
	u64 sp = w->r.sp;
	u64 interrupted[2]; /* sp, ip */

	if (!read_user(interrupted, sizeof(interrupted), sp + SIGNAL_SP) ||
	    !read_user(&w->r.fp, sizeof(u64), sp + SIGNAL_FP))
		return stop(w, END_READ_FAILED);
#if defined(__TARGET_ARCH_arm64)
	if (!read_user(&w->r.lr, sizeof(u64), sp + SIGNAL_LR))
		return stop(w, END_READ_FAILED);
#endif
	w->r.sp = interrupted[0];
	w->r.ip = interrupted[1];
	w->is_return = false;
	w->sp_is_bound = false;
	return w->r.ip < FIRST_ADDRESS ? stop(w, END_UNSUPPORTED) : 0;
}

/* From the canonical frame address to the caller's registers. */
#if defined(__TARGET_ARCH_x86)
static __always_inline long leave_frame(struct walk *w, u64 cfa, u32 fp_rule, s64 fp_offset)
{
	u64 two[2]; /* where rbp usually is, and the return address */

	if (!read_user(two, sizeof(two), cfa - sizeof(two)))
		return stop(w, END_READ_FAILED);
	if (fp_rule == FP_AT_CFA && fp_offset == -16)
		w->r.fp = two[0];
	else if (fp_rule == FP_AT_CFA || fp_rule == FP_AT_FP) {
		u64 from = fp_rule == FP_AT_CFA ? cfa : w->r.fp;

		if (!read_user(&w->r.fp, sizeof(u64), from + fp_offset))
			return stop(w, END_READ_FAILED);
	} else if (fp_rule == FP_UNDEFINED)
		w->r.fp = 0;
	w->r.sp = cfa;
	return go_on(w, two[1], two[1] ? END_UNSUPPORTED : END_WHOLE);
}
#else
static __always_inline long leave_frame(struct walk *w, u64 cfa, u32 fp_rule, s64 fp_offset)
{
	u64 two[2] = { w->r.fp, w->r.lr };
	/* x30 holds the return address only until the first call. */
	bool lr_is_lost = w->is_return;

	if (fp_rule == FP_AT_CFA) {
		if (!read_user(two, sizeof(two), cfa + fp_offset))
			return stop(w, END_READ_FAILED);
		lr_is_lost = false;
	} else if (fp_rule == FP_SAME_LR_AT_CFA || fp_rule == FP_UNDEFINED_LR_AT_CFA) {
		if (!read_user(&two[1], sizeof(u64), cfa + fp_offset))
			return stop(w, END_READ_FAILED);
		lr_is_lost = false;
	} else if (fp_rule == FP_AT_CFA_LR_SAME) {
		if (!read_user(&two[0], sizeof(u64), cfa + fp_offset))
			return stop(w, END_READ_FAILED);
	}
	if (lr_is_lost)
		return stop(w, END_UNSUPPORTED);
	if (fp_rule == FP_UNDEFINED || fp_rule == FP_UNDEFINED_LR_AT_CFA)
		two[0] = 0;
	w->r.fp = two[0];
	w->r.sp = cfa;
	w->sp_is_bound = false;
	return go_on(w, two[1], two[1] ? END_UNSUPPORTED : END_WHOLE);
}
#endif

/* Takes one frame down and goes to its caller; 1 at the end, which w->end then says. */
static long step(u32 i, struct walk *w)
{
	u64 address = w->r.ip - w->is_return;
	struct unwind_row row = {};
	struct unwind_mapping *m;
	u32 at = w->mapping, rule;
	s64 offset;
	u64 cfa;

	if (i >= STACK_DEPTH)
		return stop(w, END_DEPTH);
	w->stack->addresses[i] = w->r.ip;
	w->stack->length = i + 1;

	if (at >= UNWIND_MAPPINGS || address < w->process->mappings[at].start ||
	    address >= w->process->mappings[at].end) {
		at = find_mapping(w->process, address);
		w->mapping = at;
		if (at >= UNWIND_MAPPINGS) {
			w->met_unknown = true;
			return step_by_frame_pointer(w, END_NO_MAPPING);
		}
	}
	m = &w->process->mappings[at];
	if (m->table == UNWIND_TABLE_UNKNOWN || m->table == UNWIND_TABLE_FRAME_POINTERS)
		return step_by_frame_pointer(w, END_NO_TABLE);
	if (!find_row(m, address, &row))
		return step_by_frame_pointer(w, END_NO_ROW);

	rule = row.types & 15;
	offset = (s64)row.cfa_offset * 8;
	if (rule == CFA_END)
		return stop(w, END_WHOLE);
	if (rule == CFA_SIGNAL)
		return step_out_of_signal(w);
	if (rule == CFA_NONE)
		return step_by_frame_pointer(w, END_NO_ROW);
	if (w->sp_is_bound && rule != CFA_FP && rule != CFA_AT_FP && rule != CFA_AT_FP_8)
		return step_by_frame_pointer(w, END_UNSUPPORTED);

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
		return step_by_frame_pointer(w, END_UNSUPPORTED);

	/* Stacks grow down. Only a function that called nothing yet may have no frame (arm64). */
	if (cfa < w->r.sp || (cfa == w->r.sp && w->is_return))
		return stop(w, END_UNSUPPORTED);
	return leave_frame(w, cfa, row.types >> 4, (s64)row.fp_offset * 8);
}

/* Fills `stack`; false when the walk cannot begin. */
static __always_inline bool walk_stack(void *ctx, struct unwind_process *process,
				       struct user_stack *stack, struct walk *w)
{
	w->process = process;
	w->stack = stack;
	stack->length = 0;
	if (!read_registers(ctx, &w->r))
		return false;
	bpf_loop(STACK_DEPTH + 1, step, w, 0);
	return true;
}

#endif
