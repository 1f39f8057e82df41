/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright (c) 2026 The Flamewatch authors */
/*
 * From an address to its mapping, and to the row in force there. Both searches are without branches: half of
 * those would be guessed wrong, and verifiers would follow both ways of each.
 */
#ifndef FLAMEWATCH_LOOKUP_BPF_H
#define FLAMEWATCH_LOOKUP_BPF_H

#include "maps.bpf.h"

/* 1 if a <= b, else 0; for numbers below 2^63, as all of these are. */
static __always_inline u64 is_at_most(u64 a, u64 b)
{
	return (a - b - 1) >> 63;
}

/*
 * For an index: verifiers before 6.13 know of few operations what they leave, and compilers leave out what they
 * know to be so.
 */
static __always_inline u64 within(u64 index, u64 mask)
{
	barrier_var(index);
	return index & mask;
}

/* The index of the mapping an address is in; UNWIND_MAPPINGS when in none. */
static __noinline u32 find_mapping(struct unwind_process *process, u64 address)
{
	u64 at = 0;

#pragma clang loop unroll(full)
	for (u32 step = UNWIND_MAPPINGS / 2; step > 0; step /= 2) {
		u64 next = at + step, is_used = is_at_most(next + 1, process->mappings_used);
		/* What is behind the last is in no cache: not even to be looked at. */
		u64 probe = within(next * is_used, UNWIND_MAPPINGS - 1);

		at += step * (is_used & is_at_most(process->mappings[probe].start, address));
	}
	at = within(at, UNWIND_MAPPINGS - 1);
	if (address < process->mappings[at].start || address >= process->mappings[at].end)
		return UNWIND_MAPPINGS;
	return at;
}

static __always_inline struct unwind_line *table_line(void *table, u32 value)
{
	u32 line = value / UNWIND_LINE;

	return bpf_map_lookup_elem(table, &line);
}

/* The row in force at an address of a mapping; false when the table has none there. */
static __always_inline bool find_row(struct unwind_mapping *m, u64 address, struct unwind_row *row)
{
	void *table = bpf_map_lookup_elem(&tables, &m->table);
	u32 pc = address - m->bias;
	u32 page = (pc >> UNWIND_PAGE_SHIFT) - m->page0;
	struct unwind_line *line;
	struct unwind_page *rows;
	u32 low, lines;
	u64 at = 0;

	if (!table || page >= m->pages)
		return false;
	line = table_line(table, page);
	if (!line)
		return false;
	rows = &line->pages[page % UNWIND_LINE];
	u32 first = rows->first, last = rows->last;

	low = first / UNWIND_LINE;
	lines = last / UNWIND_LINE - low + 1;
#pragma clang loop unroll(disable)
	for (int i = 0; i < 10; i++) { /* a page has at most 4096 rows and one from before it */
		u32 half = lines / 2, middle = low + half;

		if (!half)
			break;
		line = bpf_map_lookup_elem(table, &middle);
		if (!line)
			return false;
		if (line->rows[0].pc <= pc)
			low = middle;
		lines -= half;
	}
	line = bpf_map_lookup_elem(table, &low);
	if (!line)
		return false;
#pragma clang loop unroll(full)
	for (u32 step = UNWIND_LINE / 2; step > 0; step /= 2) {
		u64 next = within(at + step, UNWIND_LINE - 1), value = (u64)low * UNWIND_LINE + next;

		at += step * (is_at_most(value, first) |
			      (is_at_most(value, last) & is_at_most(line->rows[next].pc, pc)));
	}
	*row = line->rows[within(at, UNWIND_LINE - 1)];
	return row->pc <= pc;
}

#endif
