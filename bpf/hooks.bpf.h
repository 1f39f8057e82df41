/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/* Sources of samples: tracepoints, kernel functions and functions of programs, as many as the user names. */
#include "take-sample.bpf.h"

static __always_inline int sample_hook(void *ctx, u32 source, u32 gen, const struct beside_maps maps)
{
	struct sample_stats *count = stats_of(source, gen);

	if (!count)
		return 0;
	add_one(&count->taken);
	take_beside_sample(ctx, source, maps, count);
	return 0;
}

/* The collector attaches each hook with the number of its source. */
static __always_inline int on_any_hook(void *ctx)
{
	u32 source = bpf_get_attach_cookie(ctx);

	if (generation & 1)
		return sample_hook(ctx, source, 1, BESIDE_MAPS(1));
	return sample_hook(ctx, source, 0, BESIDE_MAPS(0));
}

/* Triggered by kprobes and uprobes. */
SEC("kprobe")
int on_probe(void *ctx)
{
	return on_any_hook(ctx);
}

SEC("tracepoint")
int on_tracepoint(void *ctx)
{
	return on_any_hook(ctx);
}
