/* Where temporaries lie: one pass over the nodes in order of time, best fit into the gaps that dead ones left. */
#include "cvm.h"

#include <string.h>

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
    return heap.end;
}
