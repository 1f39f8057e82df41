/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/* The registers a walk of a user stack begins with: the only part that differs between processors. */
#ifndef FLAMEWATCH_REGISTERS_BPF_H
#define FLAMEWATCH_REGISTERS_BPF_H

#include "walk-state.bpf.h"

/*
 * Offsets in struct pt_regs (x86-64) and struct user_pt_regs (arm64), which are ABI: the context of a perf
 * event begins with them, and so do the registers the kernel saved when it was entered. SIGNAL_: in
 * struct rt_sigframe, from the sp of the code a signal handler returns to.
 */
#if defined(__TARGET_ARCH_x86)
#define REGISTER_FP 32
#define REGISTER_IP 128
#define REGISTER_MODE 136 /* cs */
#define REGISTER_SP 152
#define SIGNAL_FP 120
#define SIGNAL_SP 160
#define SIGNAL_IP 168
#elif defined(__TARGET_ARCH_arm64)
#define REGISTER_FP 232
#define REGISTER_LR 240
#define REGISTER_SP 248
#define REGISTER_IP 256
#define REGISTER_MODE 264 /* pstate */
#define SIGNAL_FP 544
#define SIGNAL_LR 552
#define SIGNAL_SP 560
#define SIGNAL_IP 568
#else
#error "no registers for this processor"
#endif

static __always_inline bool is_user_mode(u64 mode)
{
#if defined(__TARGET_ARCH_x86)
	return mode & 3;
#else
	return !(mode & 0xf);
#endif
}

static __always_inline bool is_32_bit(u64 mode)
{
#if defined(__TARGET_ARCH_x86)
	return (u16)mode == 0x23; /* __USER32_CS */
#else
	return mode & 0x10; /* PSR_MODE32_BIT */
#endif
}

/* A return address without its signature (arm64: pointer authentication, above 48 bits of address). */
static __always_inline u64 strip_signature(u64 address)
{
#if defined(__TARGET_ARCH_arm64)
	return address & 0x0000ffffffffffffull;
#else
	return address;
#endif
}

/* Reads of less than 8 bytes are refused since 6.9; volatile keeps the compiler from making one. */
#define CONTEXT_REGISTER(ctx, offset) (*(volatile u64 *)((void *)(ctx) + (offset)))

static __always_inline u64 saved_register(void *saved, u32 offset)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), saved + offset);
	return value;
}

/*
 * False when they are those of 32-bit code. `ctx` holds them when the event came in user mode; NULL: it came
 * in the kernel.
 */
static __always_inline bool read_registers(void *ctx, struct registers *r)
{
	u64 mode = ctx ? CONTEXT_REGISTER(ctx, REGISTER_MODE) : 0;

	if (ctx && is_user_mode(mode)) {
		r->ip = CONTEXT_REGISTER(ctx, REGISTER_IP);
		r->sp = CONTEXT_REGISTER(ctx, REGISTER_SP);
		r->fp = CONTEXT_REGISTER(ctx, REGISTER_FP);
#if defined(__TARGET_ARCH_arm64)
		r->lr = CONTEXT_REGISTER(ctx, REGISTER_LR);
#endif
	} else {
		void *saved = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());

		mode = saved_register(saved, REGISTER_MODE);
		r->ip = saved_register(saved, REGISTER_IP);
		r->sp = saved_register(saved, REGISTER_SP);
		r->fp = saved_register(saved, REGISTER_FP);
#if defined(__TARGET_ARCH_arm64)
		r->lr = saved_register(saved, REGISTER_LR);
#endif
	}
	return !is_32_bit(mode);
}

#endif
