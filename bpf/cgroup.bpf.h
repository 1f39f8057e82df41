/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
#ifndef FLAMEWATCH_CGROUP_BPF_H
#define FLAMEWATCH_CGROUP_BPF_H

#include "kernel.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Each hierarchy counts its cgroups from its root on. */
#define ROOT_CGROUP 1

/*
 * The number of the hierarchy stands above the id, which the kernel counts from 1 in each; 0 is that of v2.
 * collector/process/cgroup-tree.ts takes them apart.
 */
#define HIERARCHY_SHIFT 48

#ifndef NO_BTF
/* Of the controller with that index, where it is one of v1; 0 for the root, and where it is v2's. */
static __always_inline u64 v1_cgroup_of(struct css_set *set, u64 controller)
{
	u64 subsys = bpf_core_field_offset(struct css_set, subsys);
	struct cgroup_subsys_state *state = NULL;
	struct cgroup *cgroup;
	u64 hierarchy, id;

	bpf_probe_read_kernel(&state, sizeof(state), (void *)set + subsys + controller * sizeof(state));
	cgroup = BPF_CORE_READ(state, cgroup);
	hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
	id = BPF_CORE_READ(cgroup, kn, id);
	return hierarchy && id > ROOT_CGROUP ? hierarchy << HIERARCHY_SHIFT | id : 0;
}

/* Runtimes put containers into all controllers, but these every kernel that has containers is built with. */
#define TRY_CONTROLLER(set, controller)                                                                \
	({                                                                                             \
		u64 id = 0;                                                                            \
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, controller))                     \
			id = v1_cgroup_of(set, bpf_core_enum_value(enum cgroup_subsys_id, controller)); \
		id;                                                                                    \
	})
#endif

/*
 * The cgroup of the current task: that of v2; where all tasks are in its root, as on hosts with v1 and on
 * hybrid ones, the innermost of a v1 controller.
 */
static __always_inline u64 cgroup_of(struct task_struct *task, u32 flags)
{
	u64 id = bpf_get_current_cgroup_id();
#ifndef NO_BTF
	u64 v1 = 0;
	struct css_set *set;

	/* Kernel threads stand outside of containers. */
	if (id != ROOT_CGROUP || flags & PF_KTHREAD)
		return id;
	set = BPF_CORE_READ(task, cgroups);
	v1 = TRY_CONTROLLER(set, pids_cgrp_id);
	if (!v1)
		v1 = TRY_CONTROLLER(set, memory_cgrp_id);
	if (!v1)
		v1 = TRY_CONTROLLER(set, cpu_cgrp_id);
	if (v1)
		return v1;
#endif
	return id;
}

#endif
