/* Where temporaries lie: one pass over the nodes in order of time, best fit into the gaps that dead ones left. Where that
 * takes much memory, the largest are placed first instead: no small one can then stand in the way of a large one. */
#include "cvm.h"

#include <stdlib.h>
#include <string.h>

#define MUCH (1 << 20)       /* bytes of an arena that are worth a second try */
#define MOST_BLOCKS 512      /* temporaries that it is tried with: it compares all with all */

typedef struct {
    i64 at, size;
} Gap;

typedef struct {
    Gap *gaps; /* by position; no two of them touch */
    int n;
    i64 end; /* bytes in use so far: what lies beyond is free without limit */
} Heap;

/* Notes that the slot owns memory in the arena from the node in preparation on. */
void add_root(Context *c, int slot) {
    Program *p = c->program;
    p->births[p->n_births++] = slot;
    p->root_last[slot] = p->slots[slot].last;
}

static void remove_gap(Heap *h, int i) {
    memmove(h->gaps + i, h->gaps + i + 1, (--h->n - i) * sizeof(Gap));
}

static i64 allocate(Heap *h, i64 size) {
    int best = -1;
    for (int i = 0; i < h->n; i++)
        if (h->gaps[i].size >= size && (best < 0 || h->gaps[i].size < h->gaps[best].size)) best = i;
    if (best >= 0) {
        i64 at = h->gaps[best].at;
        h->gaps[best].at += size;
        h->gaps[best].size -= size;
        if (!h->gaps[best].size) remove_gap(h, best);
        return at;
    }
    /* a gap that reaches the end can grow */
    i64 at = h->end;
    if (h->n && h->gaps[h->n - 1].at + h->gaps[h->n - 1].size == h->end) at = h->gaps[--h->n].at;
    h->end = at + size;
    return at;
}

static void release(Heap *h, i64 at, i64 size) {
    int i = 0;
    while (i < h->n && h->gaps[i].at < at) i++;
    int joins_before = i > 0 && h->gaps[i - 1].at + h->gaps[i - 1].size == at;
    int joins_after = i < h->n && at + size == h->gaps[i].at;
    if (joins_before && joins_after) {
        h->gaps[i - 1].size += size + h->gaps[i].size;
        remove_gap(h, i);
    } else if (joins_before) {
        h->gaps[i - 1].size += size;
    } else if (joins_after) {
        h->gaps[i].at = at;
        h->gaps[i].size += size;
    } else {
        memmove(h->gaps + i + 1, h->gaps + i, (h->n++ - i) * sizeof(Gap));
        h->gaps[i] = (Gap){at, size};
    }
}

static i64 rounded_size(Context *c, int slot) {
    const Slot *s = c->program->slots + slot;
    const i64 *lengths = lengths_of(c, slot);
    i64 size = s->itemsize;
    for (int i = 0; i < s->ndim; i++) size *= lengths[i];
    return (size + ALIGNMENT) / ALIGNMENT * ALIGNMENT; /* never 0: pointers to nothing stay valid and apart */
}

/* ---- the largest first ---- */

/* A root and the nodes between which it lives. */
typedef struct {
    i64 at, size;
    int slot, first, last;
} Block;

static int larger_first(const void *a, const void *b) {
    const Block *x = a, *y = b;
    return x->size != y->size ? (x->size < y->size ? 1 : -1) : x->slot - y->slot;
}

/* Places one after another as low as those that live at the same time allow; `placed` is kept in order of positions. */
static i64 place_largest_first(Block *blocks, int n, Block **placed) {
    i64 end = 0;
    qsort(blocks, n, sizeof *blocks, larger_first);
    for (int i = 0; i < n; i++) {
        Block *b = blocks + i;
        int k = i;
        for (int j = 0; j < i; j++) {
            const Block *other = placed[j];
            if (other->last < b->first || other->first > b->last) continue;
            if (b->at + b->size <= other->at) break;
            if (b->at < other->at + other->size) b->at = other->at + other->size;
        }
        for (; k > 0 && placed[k - 1]->at > b->at; k--) placed[k] = placed[k - 1];
        placed[k] = b;
        if (b->at + b->size > end) end = b->at + b->size;
    }
    return end;
}

/* Places the roots anew if that takes less than `size`; returns what it takes. Without memory nothing is changed. */
static i64 pack_tighter(Context *c, const Segment *g, i64 size) {
    Program *p = c->program;
    Block *blocks = PyMem_Calloc(p->n_births, sizeof(Block)), **placed = PyMem_Calloc(p->n_births, sizeof(Block *));
    int n = 0;
    for (int i = 0; blocks && placed && i < p->n_births; i++) {
        int slot = p->births[i];
        if (place_of(c, slot)->root != slot) continue;
        blocks[n++] = (Block){0, rounded_size(c, slot), slot, p->slots[slot].first,
                              p->root_last[slot] < g->end ? p->root_last[slot] : g->end};
    }
    i64 tight = n ? place_largest_first(blocks, n, placed) : size;
    if (tight < size) {
        for (int i = 0; i < n; i++) place_of(c, blocks[i].slot)->arena = blocks[i].at;
        size = tight;
    }
    PyMem_Free(blocks);
    PyMem_Free(placed);
    return size;
}

/* Gives every root born in this segment its position; returns the bytes that the arena needs, -1 without memory. */
i64 pack_arena(Context *c, Prepared *q) {
    Program *p = c->program;
    Segment *g = p->segments + q->segment;
    Heap heap = {.gaps = PyMem_Malloc((p->n_births + 2) * sizeof(Gap))};
    int born = 0;
    if (!heap.gaps) return -1;
    for (int n = g->first; n < g->end; n++) p->deaths[n] = -1;
    for (int n = g->first; n < g->end; n++) {
        for (; born < p->n_births && p->slots[p->births[born]].first <= n; born++) {
            int slot = p->births[born], last = p->root_last[slot];
            Place *place = place_of(c, slot);
            if (place->root != slot) continue; /* it took over an input's memory */
            place->arena = allocate(&heap, rounded_size(c, slot));
            if (last >= g->end) continue; /* used by later segments: stays to the end of the call */
            p->next_death[slot] = p->deaths[last];
            p->deaths[last] = slot;
        }
        for (int slot = p->deaths[n]; slot >= 0; slot = p->next_death[slot])
            release(&heap, place_of(c, slot)->arena, rounded_size(c, slot));
    }
    PyMem_Free(heap.gaps);
    return heap.end > MUCH && p->n_births <= MOST_BLOCKS ? pack_tighter(c, g, heap.end) : heap.end;
}
