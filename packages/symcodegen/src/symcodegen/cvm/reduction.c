/* Reductions: the loops around what combines elements, for all kernels that reduce (ctx->loops).
 *
 * If the innermost loop is reduced ("rows"), each result is combined from runs of contiguous elements. If it is kept
 * ("columns"), blocks of results are accumulated side by side; of short rows, whole blocks of them as one long row,
 * which is folded at the end. A long result is combined in sections, on several threads; where they end is decided by
 * lengths alone, so results do not depend on who computes them. */
#include <string.h>

#include "kernels.h"
#include "nests.h"

#define SECTIONS 64 /* at most; a quarter where results lie side by side, for each section has a row of them */
#define LINES 64    /* results that are stored together */
#define LARGEST 16  /* bytes of an element, a total or a result */
#define ALIGNED __attribute__((aligned(64)))

static i64 least(i64 a, i64 b) { return a < b ? a : b; }

/* Where the innermost loop is short, `rows` positions of the next loop, `group` in all, are taken at a time; if that
 * loop is kept, their results are apart. In columns the next loop is always a reduced one; `dense`: its rows lie one
 * after another, of all inputs. `empty`: the results are of no elements. */
int sort_loops(sym_nest *t, i64 operands, i64 block, const i64 *d, const i64 *s) {
    const i64 L = d[0];
    i64 g = -1;
    int results = 1;
    t->K = t->R = t->empty = t->apart = 0;
    for (i64 j = 0; j < L; j++) {
        t->at[j] = 0;
        if (s[j]) {
            if (d[1 + j] == 0) results = 0;
            t->kept[t->K++] = j;
        } else {
            if (d[1 + j] == 0) t->empty = 1;
            t->reduced[t->R++] = j;
        }
    }
    if (!results) return 0;
    t->operands = operands;
    t->n = L ? d[L] : 1;
    t->columns = L && s[L - 1] != 0;
    if (t->columns) t->K--;
    else if (t->R) t->R--;
    if (!t->empty && (t->columns || t->n <= SYM_SHORT)) {
        if (t->R) g = t->reduced[--t->R];
        else if (!t->columns && t->K) {
            g = t->kept[--t->K];
            t->apart = 1;
        }
    }
    t->group = g >= 0 ? d[1 + g] : 1;
    t->rows = g >= 0 && t->n <= SYM_SHORT ? block / t->n : 1;
    t->dense = 1;
    for (i64 k = 0; k < operands; k++) {
        t->step[k] = L ? s[k * L + L - 1] : 0;
        t->jump[k] = g >= 0 ? s[k * L + g] : 0;
        t->dense &= !k || t->jump[k] == t->n * t->step[k];
    }
    return 1;
}

int next_position(i64 count, const i64 *which, i64 *at, i64 operands, const i64 *d, const i64 *s, char **q) {
    for (i64 j = count - 1; j >= 0; j--) {
        const i64 w = which[j], L = d[0], around = at[w] + 1 == d[1 + w] ? at[w] : -1;
        for (i64 k = 0; k < operands; k++) q[k] -= s[k * L + w] * around;
        if (around < 0) {
            at[w]++;
            return 1;
        }
        at[w] = 0;
    }
    return 0;
}

/* The outermost reduced loop that is long enough is divided, else the longest. Of the innermost loop, sections end
 * between runs. */
void divide_share(sym_share *share, i64 section) {
    const i64 *d = share->d, *s = share->s, L = d[0];
    i64 loop = -1;
    double total = 1;
    for (i64 j = 0; j < L; j++) {
        if (!s[j]) {
            total *= (double)d[1 + j];
            if (loop < 0 || (d[1 + loop] < 2 * SECTIONS && d[1 + j] > d[1 + loop])) loop = j;
        } else if (j == L - 1)
            total *= (double)least(d[L], SYM_COLUMNS);
    }
    share->loop = loop;
    share->sections = 1;
    share->unit = 0;
    if (loop < 0 || total < 4.0 * (double)section) return;
    const i64 n = d[1 + loop], many = s[L - 1] ? SECTIONS / 4 : SECTIONS;
    const i64 small = (i64)((double)section * (double)n / total) + 1, most = (n - 1) / many + 1;
    share->unit = small > most ? small : most;
    if (loop == L - 1) share->unit = (share->unit + SYM_RUN - 1) / SYM_RUN * SYM_RUN;
    share->sections = (n - 1) / share->unit + 1;
}

/* ---- what belongs to one result, or to a block of them ---- */

static const char *fetched(const sym_reduction *how, const sym_nest *t, char *const *p, char *const *q, i64 from, i64 m,
                           i64 row, i64 rows, char *v) {
    if (how->fetch) return how->fetch(&kernel_loops, p, q, from, m, row, rows, t->step, t->jump, v);
    const char *x = q[1] + from * t->step[1] + row * t->jump[1];
    const int lie_so = t->step[1] == how->element && (rows == 1 || t->jump[1] == m * how->element);
    return lie_so ? x : pack_rows(v, x, rows, m, t->step[1], t->jump[1], how->element);
}

static void start(const sym_reduction *how, char *totals, i64 n) {
    if (n == 1 && how->total == 8) memcpy(totals, how->unit, 8);
    else if (n == 1 && how->total == 4) memcpy(totals, how->unit, 4);
    else pack_run(totals, how->unit, n, 0, how->total);
}

/* Combines the rows of the group with totals[0..wide * m): row k with those from (k mod wide) * m on, or several rows
 * with the first ones. */
static void combine_group(const sym_share *share, const sym_nest *t, char *const *q, i64 from, i64 m, i64 wide,
                          char *totals, char *v) {
    const sym_reduction *how = share->how;
    i64 row = 0;
    if (how->columns && wide > 1 && t->dense) {
        i64 jump[SYM_LOOPS];
        for (i64 k = 0; k < t->operands; k++) jump[k] = wide * t->jump[k];
        row = how->columns(share->p, q, 0, wide * m, 0, t->group / wide, t->step, jump, totals) * wide;
    }
    if (how->columns) row = how->columns(share->p, q, from, m, row, t->group, t->step, t->jump, totals);
    for (; row < t->group; row += wide) {
        const i64 r = least(t->group - row, wide);
        how->each(totals, fetched(how, t, share->p, q, from, m, row, r, v), r * m);
    }
}

static void combine_columns(const sym_share *share, sym_nest *t, char **q, const i64 *d, char *to, char *v) {
    char totals[SYM_COLUMNS * LARGEST] ALIGNED;
    const sym_reduction *how = share->how;
    const i64 size = how->total, m = share->m;
    i64 wide = least(t->rows, t->group);
    start(how, totals, wide * m);
    if (!t->empty) do combine_group(share, t, q, share->from, m, wide, totals, v);
        while (next_position(t->R, t->reduced, t->at, t->operands, d, share->s, q));
    while (wide > 1) {
        const i64 half = wide / 2;
        how->join(totals, totals + (wide - half) * m * size, half * m);
        wide -= half;
    }
    memcpy(to, totals, (size_t)(m * size));
}

static void combine_all(const sym_share *share, sym_nest *t, char *const *place, const i64 *d, char *to) {
    char v[SYM_RUN * LARGEST] ALIGNED;
    char *q[SYM_LOOPS];
    const sym_reduction *how = share->how;
    for (i64 k = 0; k < t->operands; k++) q[k] = place[k];
    if (t->columns) {
        combine_columns(share, t, q, d, to, v);
        return;
    }
    start(how, to, 1);
    if (!t->empty) do {
            for (i64 row = 0; row < t->group; row += t->rows)
                for (i64 at = 0; at < t->n; at += how->block) {
                    const i64 n = least(t->n - at, how->block), r = least(t->group - row, t->rows);
                    how->run(to, fetched(how, t, share->p, q, at, n, row, r, v), r * n, 1);
                }
        } while (t->R && next_position(t->R, t->reduced, t->at, t->operands, d, share->s, q));
}

/* ---- the same in sections, each into totals of its own ---- */

/* The lengths of section k: kept loops stand still but the innermost one. */
static void section_lengths(const sym_share *share, i64 k, i64 *own) {
    const i64 *d = share->d, L = d[0];
    own[0] = L;
    for (i64 j = 0; j < L; j++) own[1 + j] = share->s[j] && j < L - 1 ? 1 : d[1 + j];
    own[1 + share->loop] = least(d[1 + share->loop] - k * share->unit, share->unit);
}

static void combine_sections(void *data, i64 lo, i64 hi) {
    const sym_share *share = data;
    const sym_reduction *how = share->how;
    for (i64 k = lo; k < hi; k++) {
        i64 d[1 + SYM_LOOPS];
        char *place[SYM_LOOPS];
        sym_nest t;
        section_lengths(share, k, d);
        for (i64 o = 0; o < how->operands; o++)
            place[o] = share->place[o] + share->s[o * d[0] + share->loop] * share->unit * k;
        sort_loops(&t, how->operands, how->block, d, share->s);
        combine_all(share, &t, place, d, share->parts + (k - share->first) * share->m * how->total);
    }
}

void combine_share(const sym_ctx *ctx, sym_share *share, void *totals) {
    const sym_reduction *how = share->how;
    if (share->sections <= 1) {
        combine_all(share, share->nest, share->place, share->d, totals);
        return;
    }
    char own[SYM_COLUMNS * LARGEST] ALIGNED;
    const i64 bytes = share->m * how->total;
    char *room = ctx->reserve(ctx, share->sections * bytes);
    share->first = 0;
    share->parts = room ? room : own;
    if (room) ctx->parallel_for(ctx, share->sections, 1, combine_sections, share);
    start(how, totals, share->m);
    for (i64 k = 0; k < share->sections; k++) {
        if (!room) { /* no memory: one after another */
            share->first = k;
            combine_sections(share, k, k + 1);
        }
        how->join(totals, share->parts + (k - share->first) * bytes, share->m);
    }
    share->parts = NULL;
}

/* ---- a whole kernel ---- */

static void store(const sym_reduction *how, char *y, i64 step, const char *totals, i64 n) {
    char results[SYM_COLUMNS * LARGEST] ALIGNED;
    if (how->store) {
        char *to = n == 1 || step == how->result ? y : results;
        how->store(to, totals, n);
        if (to == y) return;
        totals = results;
    }
    unpack_run(y, totals, n, n == 1 ? how->result : step, how->result);
}

/* The results of short rows, several of them at a time. */
static void reduce_apart(const sym_share *share, const sym_nest *t) {
    char v[SYM_RUN * LARGEST] ALIGNED, totals[SYM_COLUMNS * LARGEST] ALIGNED;
    const sym_reduction *how = share->how;
    for (i64 row = 0; row < t->group; row += t->rows) {
        const i64 r = least(t->group - row, t->rows);
        start(how, totals, r);
        how->run(totals, fetched(how, t, share->p, share->place, 0, t->n, row, r, v), t->n, r);
        store(how, share->place[0] + row * t->jump[0], t->jump[0], totals, r);
    }
}

/* The results of long rows one after another, which are stored together. */
static void reduce_lines(const sym_share *share, const sym_nest *t) {
    char v[SYM_RUN * LARGEST] ALIGNED, totals[LINES * LARGEST] ALIGNED;
    const sym_reduction *how = share->how;
    for (i64 row = 0; row < t->group; row += LINES) {
        const i64 lines = least(t->group - row, LINES);
        start(how, totals, lines);
        for (i64 k = 0; k < lines; k++)
            for (i64 at = 0; at < t->n; at += how->block) {
                const i64 n = least(t->n - at, how->block);
                how->run(totals + k * how->total, fetched(how, t, share->p, share->place, at, n, row + k, 1, v), n, 1);
            }
        store(how, share->place[0] + row * t->jump[0], t->jump[0], totals, lines);
    }
}

/* Whether each result is of one run, and none is shared among threads: then the next loop is taken as the group. */
static int in_lines(const sym_share *share, sym_nest *t) {
    const i64 L = share->d[0];
    if (t->columns || t->empty || t->apart || t->R || t->group != 1 || !t->K || share->sections > 1) return 0;
    const i64 g = t->kept[--t->K];
    t->group = share->d[1 + g];
    for (i64 k = 0; k < t->operands; k++) t->jump[k] = share->s[k * L + g];
    return 1;
}

int reduce_loops(char *const *p, const i64 *d, const i64 *s, const sym_ctx *ctx, const sym_reduction *how) {
    char totals[SYM_COLUMNS * LARGEST] ALIGNED;
    char *place[SYM_LOOPS];
    sym_nest t;
    const int results = sort_loops(&t, how->operands, how->block, d, s);
    if (how->extremum && t.empty)
        return ctx->fail(ctx, SYM_VALUE, "the largest or smallest of no elements is not defined.");
    if (!results) return 0;
    for (i64 k = 0; k < how->operands; k++) place[k] = p[k];
    sym_share share = {.how = how, .nest = &t, .p = p, .place = place, .d = d, .s = s};
    divide_share(&share, how->section);
    const int lines = in_lines(&share, &t);
    do {
        if (lines) {
            reduce_lines(&share, &t);
            continue;
        }
        if (t.apart && !t.empty) {
            reduce_apart(&share, &t);
            continue;
        }
        for (i64 from = 0; from < (t.columns ? t.n : 1); from += SYM_COLUMNS) {
            share.from = from;
            share.m = t.columns ? least(t.n - from, SYM_COLUMNS) : 1;
            combine_share(ctx, &share, totals);
            const i64 step = t.columns ? t.step[0] : 0;
            store(how, place[0] + from * step, step, totals, share.m);
        }
    } while (next_position(t.K, t.kept, t.at, how->operands, d, s, place));
    return 0;
}
