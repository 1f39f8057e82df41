/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/* The ways out of a frame, to the registers of its caller: by frame pointer, out of a signal, by a row. */
#ifndef FLAMEWATCH_LEAVE_BPF_H
#define FLAMEWATCH_LEAVE_BPF_H

#include "lookup.bpf.h"
#include "registers.bpf.h"

#define MOST_FRAME_BYTES (8 << 20)
#define FIRST_ADDRESS 4096 /* nothing is mapped below (vm.mmap_min_addr) */

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

/* How far apart two frames of one stack may be. */
static __always_inline bool is_above(u64 lower, u64 address)
{
	return address >= lower && address - lower <= MOST_FRAME_BYTES;
}

/*
 * Where no rule is known (JIT, assembly, files without a table): one step by frame pointer, guarded. `why`
 * is the end of the walk when that leads nowhere.
 */
static __noinline long step_by_frame_pointer(struct walk *w, struct unwind_process *process, u32 why)
{
	u64 record[2]; /* the caller's frame pointer, the return address */
	u64 fp = w->r.fp;
	bool is_same_stack = is_above(w->r.sp, fp);

#if defined(__TARGET_ARCH_arm64)
	/* AAPCS64, "The Frame Pointer": the end of the chain. */
	if (!fp && w->is_return)
		return stop(w, END_WHOLE);
#endif
	if ((fp & 7) || !(is_same_stack || why == END_NO_TABLE || why == END_NO_ROW))
		return stop(w, why);
	if (!read_user(record, sizeof(record), fp))
		return stop(w, is_same_stack ? END_READ_FAILED : why);
	/*
	 * Go's runtime goes to another stack (systemstack, nanotime1) and keeps the frame pointer. Anything else
	 * may have any value there: only what looks like a frame on that stack, too, is one.
	 */
	if (!is_same_stack && (!is_above(fp, record[0]) ||
			       find_mapping(process, strip_signature(record[1])) >= UNWIND_MAPPINGS))
		return stop(w, why);
	w->r.sp = fp + sizeof(record);
	w->r.fp = record[0];
#if defined(__TARGET_ARCH_arm64)
	/* The record may be anywhere in its frame. */
	w->sp_is_bound = true;
#endif
	return go_on(w, record[1], record[1] ? why : END_WHOLE);
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

static __always_inline s64 cfa_offset_of(struct unwind_row *row)
{
	return (s64)row->cfa_offset * 8;
}

static __always_inline s64 fp_offset_of(struct unwind_row *row)
{
	return (s64)row->fp_offset * 8;
}

/* From the canonical frame address to the caller's registers. */
#if defined(__TARGET_ARCH_x86)
static __always_inline long leave_frame(struct walk *w, u64 cfa, struct unwind_row *row)
{
	u32 fp_rule = row->types >> 4;
	s64 fp_offset = fp_offset_of(row);
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
/*
 * sp where only a bound is known: what saved x29 and x30 side by side lets x29 point there (AAPCS64, "The
 * Frame Pointer"), and the rule says how far sp is from that place. False where it does not.
 */
static __always_inline bool find_sp(struct walk *w, struct unwind_row *row)
{
	u32 fp_rule = row->types >> 4;
	u64 sp = w->r.fp - fp_offset_of(row);

	if ((row->types & 15) != CFA_SP || (fp_rule != FP_AT_CFA && fp_rule != FP_AT_BASE))
		return false;
	if (fp_rule == FP_AT_CFA)
		sp -= cfa_offset_of(row);
	if (sp < w->r.sp || sp - w->r.sp > MOST_FRAME_BYTES || (sp & 15))
		return false;
	w->r.sp = sp;
	w->sp_is_bound = false;
	return true;
}

static __always_inline long leave_frame(struct walk *w, u64 cfa, struct unwind_row *row)
{
	u32 fp_rule = row->types >> 4;
	u64 two[2] = { w->r.fp, w->r.lr };
	u64 from = cfa + fp_offset_of(row);
	/* x30 holds the return address only until the first call. */
	bool lr_is_lost = w->is_return;

	if (fp_rule == FP_AT_BASE)
		from = ((row->types & 15) == CFA_FP ? w->r.fp : w->r.sp) + fp_offset_of(row);
	if (fp_rule == FP_AT_CFA || fp_rule == FP_AT_BASE) {
		if (!read_user(two, sizeof(two), from))
			return stop(w, END_READ_FAILED);
		lr_is_lost = false;
	} else if (fp_rule == FP_SAME_LR_AT_CFA || fp_rule == FP_UNDEFINED_LR_AT_CFA) {
		if (!read_user(&two[1], sizeof(u64), from))
			return stop(w, END_READ_FAILED);
		lr_is_lost = false;
	} else if (fp_rule == FP_AT_CFA_LR_SAME) {
		if (!read_user(&two[0], sizeof(u64), from))
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

#endif
