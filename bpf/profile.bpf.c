// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Copyright (c) 2026 The Flamewatch authors
#include "kernel.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/*
 * Compiled several times. TABLES: user stacks are walked by tables instead of by frame pointers; one object
 * per processor. NO_BTF leaves out every CO-RE relocation: one that cannot be resolved refuses the whole
 * object, so kernels without BTF need an object that has none.
 *
 * One program for each source of samples; the collector loads those the user asked for.
 */
#include "cpu-clock.bpf.h"
#include "off-cpu.bpf.h"
#include "hooks.bpf.h"

/* The stack helpers are for GPL-compatible programs. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
