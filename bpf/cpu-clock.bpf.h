/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/* Source of samples: the CPU clock. */
#include "take-sample.bpf.h"

static __always_inline int sample_cpu(void *ctx, u32 gen, const struct clock_maps maps)
{
	struct sample_stats *count = stats_of(SOURCE_CPU, gen);

	if (!count)
		return 0;
	add_one(&count->taken);
	if ((u32)bpf_get_current_pid_tgid() == 0)
		add_one(&count->idle);
	else
		take_clock_sample(ctx, gen, maps, count);
	return 0;
}

/* Triggered on each online CPU at the frequency asked for, in the context of whatever runs there. */
SEC("perf_event")
int on_sample(void *ctx)
{
	if (generation & 1)
		return sample_cpu(ctx, 1, CLOCK_MAPS(1));
	return sample_cpu(ctx, 0, CLOCK_MAPS(0));
}
