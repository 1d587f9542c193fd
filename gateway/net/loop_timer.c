// SPDX-License-Identifier: EUPL-1.2
//
// The timers of a loop: an intrusive pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986), earliest on top.
//
// Deadlines are mostly set in the order in which they fall due and mostly stopped before: both are O(1) here, where a
// binary heap pays a sift each time. `before` is the left sibling or, for a first child, the parent.
#include "net/loop_timer.h"

static struct loop_timer *meld(struct loop_timer *a, struct loop_timer *b)
{
	if (!a || !b) {
		return a ? a : b;
	}
	if (b->due_us < a->due_us) {
		struct loop_timer *swap = a;
		a = b;
		b = swap;
	}
	b->before = a;
	b->next = a->child;
	if (a->child) {
		a->child->before = b;
	}
	a->child = b;
	a->next = NULL;
	a->before = NULL;
	return a;
}

// The classic two passes: pairs from left to right, then all of them from right to left.
static struct loop_timer *merge_siblings(struct loop_timer *first)
{
	struct loop_timer *pairs = NULL;
	while (first) {
		struct loop_timer *a = first;
		struct loop_timer *b = a->next;
		first = b ? b->next : NULL;
		a->next = a->before = NULL;
		if (b) {
			b->next = b->before = NULL;
		}
		struct loop_timer *pair = meld(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	struct loop_timer *root = NULL;
	while (pairs) {
		struct loop_timer *next = pairs->next;
		pairs->next = NULL;
		root = meld(root, pairs);
		pairs = next;
	}
	return root;
}

void loop_timer_insert(struct loop_timer **root, struct loop_timer *timer)
{
	timer->child = timer->next = timer->before = NULL;
	timer->active = true;
	*root = meld(*root, timer);
}

void loop_timer_remove(struct loop_timer **root, struct loop_timer *timer)
{
	struct loop_timer *orphans = merge_siblings(timer->child);
	if (timer == *root) {
		*root = orphans;
	} else {
		if (timer->before->child == timer) {
			timer->before->child = timer->next;
		} else {
			timer->before->next = timer->next;
		}
		if (timer->next) {
			timer->next->before = timer->before;
		}
		*root = meld(*root, orphans);
	}
	timer->child = timer->next = timer->before = NULL;
	timer->active = false;
}
