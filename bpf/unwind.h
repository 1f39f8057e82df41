/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/*
 * Unwind tables: what the collector makes of .eh_frame (collector/unwind/) and the program walks user
 * stacks by (walk.bpf.h). collector/kernel/unwind-layout.ts repeats the sizes, offsets and numbers; a test
 * compiles this header and compares them.
 */
#ifndef FLAMEWATCH_UNWIND_H
#define FLAMEWATCH_UNWIND_H

#include <linux/types.h>

/* Ids of tables are keys of the map `tables`, 1 and up; one inner map per ELF file. */
#define UNWIND_TABLES 4096
#define UNWIND_PROCESSES 4096
#define UNWIND_MAPPINGS 128
#define UNWIND_PAGE_SHIFT 12

/* In the place of a table id: */
#define UNWIND_TABLE_UNKNOWN 0 /* a file whose table is not built yet, or was refused: frame pointers */
#define UNWIND_TABLE_FRAME_POINTERS 0xffffffff /* code without a file: JIT */

/*
 * BPF_F_INNER_MAP, so that the sizes of inner maps may differ (since 5.10), and BPF_F_MMAPABLE, so that
 * they are filled without a call per row. Every inner map is created with exactly these.
 */
#define UNWIND_TABLE_FLAGS 0x1400

/* How the canonical frame address (CFA: sp of the caller right after the return) is found. */
enum unwind_cfa {
	CFA_NONE, /* no rule: one guarded frame-pointer step */
	CFA_SP, /* sp + offset */
	CFA_FP, /* fp + offset; fp is rbp or x29 */
	/* x86-64: sp + 8, and 8 more where (ip & 15) >= cfa_offset, which is not divided by 8 here */
	CFA_PLT,
	CFA_AT_FP, /* *(fp + offset) */
	CFA_AT_SP, /* *(sp + offset) */
	CFA_SIGNAL, /* the frame the kernel made for a signal handler: all registers from there */
	CFA_END, /* return address undefined: the outermost frame */
	CFA_AT_FP_8, /* *(fp + offset) + 8 */
	CFA_AT_SP_8, /* *(sp + offset) + 8 */
};

/*
 * Where the caller's frame pointer is. On x86-64 the return address is always at CFA - 8. On arm64 it is
 * in x30 except where a rule says that it was saved.
 */
enum unwind_fp {
	FP_SAME, /* untouched */
	FP_AT_CFA, /* *(CFA + offset); arm64: x30 lies behind it, at CFA + offset + 8 */
	FP_UNDEFINED, /* lost; arm64: x30 untouched */
	FP_AT_FP, /* x86-64: *(fp + offset) */
	FP_SAME_LR_AT_CFA, /* arm64: x30 at CFA + offset, x29 untouched */
	FP_UNDEFINED_LR_AT_CFA, /* arm64: x30 at CFA + offset, x29 lost */
	FP_AT_CFA_LR_SAME, /* arm64: x29 at CFA + offset, x30 untouched */
	/*
	 * arm64: at sp or fp, whichever the CFA is counted from, + offset; x30 lies behind it. gcc saves both at
	 * the bottom of a frame: of one of more than 1 KiB, fp_offset does not reach there from the CFA.
	 */
	FP_AT_BASE,
};

/* The rules from this address on up to that of the next row. */
struct unwind_row {
	__u32 pc; /* ELF virtual address minus the file's lowest mapped one */
	__s16 cfa_offset; /* in units of 8 bytes */
	__u8 types; /* enum unwind_cfa | enum unwind_fp << 4 */
	__s8 fp_offset; /* in units of 8 bytes */
};

/*
 * A table is an array of lines of eight 8-byte values. First a struct unwind_page for each page from page0 on,
 * then the rows, sorted by pc, both without regard to lines; a page of 4096 bytes begins at row pc
 * `page << UNWIND_PAGE_SHIFT`.
 */
struct unwind_page {
	__u32 first; /* which value is the row in force at the start of the page (the first row where none is yet) */
	__u32 last; /* the same for the start of the next page; on the last page: the last row */
};

#define UNWIND_LINE 8

/* As long as a line of the processor's cache, and looked up at once. */
struct unwind_line {
	union {
		struct unwind_page pages[UNWIND_LINE];
		struct unwind_row rows[UNWIND_LINE];
	};
};

/* An executable mapping. */
struct unwind_mapping {
	__u64 start;
	__u64 end; /* the first address after it */
	__u64 bias; /* address - bias = pc of rows */
	__u32 table;
	__u32 rows;
	__u32 page0; /* page of the first row */
	__u32 pages; /* from there to that of the last row, both included */
};

/*
 * One run of one program: ids of processes are used again, and a process that executes another program keeps
 * its start time. As in struct process_event, which tells of them.
 */
struct unwind_key {
	__u64 start_time; /* of the thread group, ns since boot */
	__u32 tgid;
	__u32 program;
};

struct unwind_process {
	__u32 mappings_used;
	__u32 quiet; /* 1: do not tell of addresses outside these mappings */
	struct unwind_mapping mappings[UNWIND_MAPPINGS]; /* sorted, apart from each other */
};

/* How the walk of a user stack ended, counted per sample in sample_stats.ends. */
enum unwind_end {
	END_FRAME_POINTERS, /* walked by the kernel's own helper: process not known (yet), 32-bit, exiting */
	END_WHOLE,
	END_DEPTH, /* cut at STACK_DEPTH frames */
	END_NO_MAPPING, /* these: after the frame-pointer step found no caller either */
	END_NO_TABLE, /* JIT, or a file without a table */
	END_NO_ROW,
	END_UNSUPPORTED, /* a rule the walk does not know, or one that goes down the stack */
	END_READ_FAILED, /* stack memory that is not there, or not now */
	END_KINDS,
};

_Static_assert(sizeof(struct unwind_row) == 8, "one value of a table");
_Static_assert(sizeof(struct unwind_page) == 8, "one value of a table");
_Static_assert(sizeof(struct unwind_line) == 64, "a line of the cache");
_Static_assert(sizeof(struct unwind_mapping) == 40, "unwind_mapping has no hidden padding");
_Static_assert(sizeof(struct unwind_key) == 16, "unwind_key has no hidden padding");
_Static_assert(sizeof(struct unwind_process) == 8 + 40 * UNWIND_MAPPINGS, "header, then mappings");

#endif
