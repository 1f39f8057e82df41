/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/*
 * A walk under way. In map memory: what a verifier sees there is any number, so that it follows one step for
 * all, and a program that is called at the tail goes on with it.
 */
#ifndef FLAMEWATCH_WALK_STATE_BPF_H
#define FLAMEWATCH_WALK_STATE_BPF_H

#include "sample.h"

struct registers {
	u64 ip;
	u64 sp;
	u64 fp;
	u64 lr; /* arm64: return address of a function that has not saved it */
};

struct walk {
	struct registers r;
	u32 mapping; /* the one the last frame was in: often that of the next, too */
	u32 end; /* enum unwind_end, once step() returned 1 */
	bool is_return; /* r.ip is a return address: the call is before it */
	bool sp_is_bound; /* r.sp is below the true one: arm64 after a step by frame pointer */
	bool met_unknown; /* an address outside all mappings */
};

#endif
