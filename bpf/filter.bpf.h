/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/* Which tasks are sampled, as the user asked. */
#ifndef FLAMEWATCH_FILTER_BPF_H
#define FLAMEWATCH_FILTER_BPF_H

#include "maps.bpf.h"

/* Set by the collector before load and frozen then: the verifier removes what is never reached. */
const volatile struct settings settings SEC(".rodata.settings") = {};

/* Of the current task. */
static __always_inline bool is_filtered(const struct sample_key *key)
{
	if (settings.only_pids && !bpf_map_lookup_elem(&only_pids, &key->tgid))
		return true;
	if (settings.exclude_comms && bpf_map_lookup_elem(&excluded_comms, key->comm))
		return true;
	/* 1: it is below the cgroup. 0: it is not. Less: the cgroup was never set. */
	return settings.only_cgroup && bpf_current_task_under_cgroup(&only_cgroup, 0) != 1;
}

#endif
