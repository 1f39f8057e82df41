/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/*
 * The fields of kernel structs that are read, and nothing else: libbpf moves each access to where the
 * running kernel has the field (CO-RE), so the rest of a struct and its order do not matter here.
 */
#ifndef FLAMEWATCH_KERNEL_H
#define FLAMEWATCH_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;

#define EEXIST 17
#define ENOMEM 12
#define EFAULT 14

/* include/linux/sched.h */
#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD 0x00200000

#define TASK_INTERRUPTIBLE 0x1
#define TASK_UNINTERRUPTIBLE 0x2

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct {
	unsigned int __state; /* since 5.14 */
	unsigned int flags;
	int pid;
	int tgid;
	u32 self_exec_id;
	u64 start_boottime; /* since 5.5 */
	struct task_struct *group_leader;
	struct css_set *cgroups;
};

/* include/linux/cgroup-defs.h, include/linux/kernfs.h */
struct css_set {
	struct cgroup_subsys_state *subsys[1]; /* one for each controller */
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_root {
	int hierarchy_id;
};

struct kernfs_node {
	u64 id;
};

/* 2f064a59a11f ("sched: Change task_struct::state"), 5.14: renamed, and no long any more. */
struct task_struct___before_5_14 {
	long state;
};

/* Which controllers there are, and their numbers, depends on the kernel's configuration. */
enum cgroup_subsys_id {
	cpu_cgrp_id,
	memory_cgrp_id,
	pids_cgrp_id,
};

#pragma clang attribute pop

#endif
