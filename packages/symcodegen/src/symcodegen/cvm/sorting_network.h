/* A sorting network for rows of vectors: every lane is sorted by itself. Before including: TARGET, NAME(x), BLOCK
 * (rows in registers at once: 8 or 16), ROWS_OF (parameters: where rows begin), FROM(i) (these of row i), ROW(r, i)
 * (variables r of row i, loaded), EXCHANGE(r, s) (the smaller words to r), KEEP(r, i) (stores them).
 *
 * Blocks are sorted in registers, then merged two by two (Batcher's bitonic merge, all comparisons upwards: the first
 * ones are of rows as far from the middle). So what is beyond the last block counts as larger than everything. The
 * comparisons of 8 and 16 rows are the shortest known (Knuth, The Art of Computer Programming 3, 5.3.4). */

#define ROWS_8(DO) DO(0, 0) DO(1, 1) DO(2, 2) DO(3, 3) DO(4, 4) DO(5, 5) DO(6, 6) DO(7, 7)
#define ROWS_16(DO)                                                                                                    \
    ROWS_8(DO) DO(8, 8) DO(9, 9) DO(10, 10) DO(11, 11) DO(12, 12) DO(13, 13) DO(14, 14) DO(15, 15)
#define SORT_8(X)                                                                                                      \
    X(0, 2) X(1, 3) X(4, 6) X(5, 7) X(0, 4) X(1, 5) X(2, 6) X(3, 7) X(0, 1) X(2, 3) X(4, 5) X(6, 7) X(2, 4) X(3, 5)    \
    X(1, 4) X(3, 6) X(1, 2) X(3, 4) X(5, 6)
#define SORT_16(X)                                                                                                     \
    X(0, 1) X(2, 3) X(4, 5) X(6, 7) X(8, 9) X(10, 11) X(12, 13) X(14, 15) X(0, 2) X(1, 3) X(4, 6) X(5, 7) X(8, 10)     \
    X(9, 11) X(12, 14) X(13, 15) X(0, 4) X(1, 5) X(2, 6) X(3, 7) X(8, 12) X(9, 13) X(10, 14) X(11, 15) X(0, 8) X(1, 9) \
    X(2, 10) X(3, 11) X(4, 12) X(5, 13) X(6, 14) X(7, 15) X(5, 10) X(6, 9) X(3, 12) X(13, 14) X(4, 8) X(7, 11) X(1, 2) \
    X(1, 4) X(7, 13) X(2, 8) X(11, 14) X(2, 4) X(5, 6) X(9, 10) X(11, 13) X(3, 8) X(7, 12) X(6, 8) X(10, 12) X(3, 5)   \
    X(7, 9) X(3, 4) X(5, 6) X(7, 8) X(9, 10) X(11, 12) X(6, 7) X(8, 9)
#define MERGE_8(X)                                                                                                     \
    X(0, 4) X(1, 5) X(2, 6) X(3, 7) X(0, 2) X(1, 3) X(4, 6) X(5, 7) X(0, 1) X(2, 3) X(4, 5) X(6, 7)
#define MERGE_16(X)                                                                                                    \
    X(0, 8) X(1, 9) X(2, 10) X(3, 11) X(4, 12) X(5, 13) X(6, 14) X(7, 15) MERGE_8(X) X(8, 12) X(9, 13) X(10, 14)       \
    X(11, 15) X(8, 10) X(9, 11) X(12, 14) X(13, 15) X(8, 9) X(10, 11) X(12, 13) X(14, 15)
#define JOINED(a, b) a##b
#define WITH(a, b) JOINED(a, b)

static TARGET void NAME(sort_8_rows)(ROWS_OF) {
    ROWS_8(ROW)
    SORT_8(EXCHANGE)
    ROWS_8(KEEP)
}

static TARGET void NAME(sort_block)(ROWS_OF) {
    WITH(ROWS_, BLOCK)(ROW)
    WITH(SORT_, BLOCK)(EXCHANGE)
    WITH(ROWS_, BLOCK)(KEEP)
}

static TARGET void NAME(merge_block)(ROWS_OF) {
    WITH(ROWS_, BLOCK)(ROW)
    WITH(MERGE_, BLOCK)(EXCHANGE)
    WITH(ROWS_, BLOCK)(KEEP)
}

/* Rows from `start` on with those `apart` behind them. */
static TARGET void NAME(halve)(ROWS_OF, i64 n, i64 start, i64 apart) {
    for (i64 low = start; low < start + apart && low + apart < n; low++) {
        ROW(0, low)
        ROW(1, low + apart)
        EXCHANGE(0, 1)
        KEEP(0, low)
        KEEP(1, low + apart)
    }
}

/* The same, then both halves by half of `apart`, if all rows are there: half as much goes through memory. */
static TARGET void NAME(quarter)(ROWS_OF, i64 n, i64 start, i64 apart) {
    const i64 half = apart / 2;
    if (start + 2 * apart > n || half < BLOCK) {
        NAME(halve)(FROM(0), n, start, apart);
        if (half < BLOCK) return;
        NAME(halve)(FROM(0), n, start, half);
        NAME(halve)(FROM(0), n, start + apart, half);
        return;
    }
    for (i64 low = start; low < start + half; low++) {
        ROW(0, low)
        ROW(1, low + half)
        ROW(2, low + apart)
        ROW(3, low + apart + half)
        EXCHANGE(0, 2)
        EXCHANGE(1, 3)
        EXCHANGE(0, 1)
        EXCHANGE(2, 3)
        KEEP(0, low)
        KEEP(1, low + half)
        KEEP(2, low + apart)
        KEEP(3, low + apart + half)
    }
}

/* Rows from `start` on with those as far from the other end of two runs; then both runs by half of them. */
static TARGET void NAME(mirror)(ROWS_OF, i64 n, i64 start, i64 run) {
    const i64 last = start + 2 * run - 1, half = run / 2;
    if (last >= n || half < BLOCK) {
        for (i64 low = last < n ? start : last + 1 - n + start; low < start + run; low++) {
            const i64 high = last - (low - start);
            ROW(0, low)
            ROW(1, high)
            EXCHANGE(0, 1)
            KEEP(0, low)
            KEEP(1, high)
        }
        if (half < BLOCK) return;
        NAME(halve)(FROM(0), n, start, half);
        NAME(halve)(FROM(0), n, start + run, half);
        return;
    }
    for (i64 i = 0; i < half; i++) {
        ROW(0, start + i)
        ROW(1, start + half + i)
        ROW(2, last - half - i)
        ROW(3, last - i)
        EXCHANGE(0, 3)
        EXCHANGE(1, 2)
        EXCHANGE(0, 1)
        EXCHANGE(2, 3)
        KEEP(0, start + i)
        KEEP(1, start + half + i)
        KEEP(2, last - half - i)
        KEEP(3, last - i)
    }
}

/* `n` rows: a whole number of blocks, or 8. A run without another one to merge with stays as it is. */
static TARGET void NAME(network)(ROWS_OF, i64 n) {
    if (n == 8) {
        NAME(sort_8_rows)(FROM(0));
        return;
    }
    for (i64 b = 0; b < n; b += BLOCK) NAME(sort_block)(FROM(b));
    for (i64 run = BLOCK; run < n; run *= 2)
        for (i64 start = 0; start + run < n; start += 2 * run) {
            const i64 end = start + 2 * run < n ? start + 2 * run : n;
            NAME(mirror)(FROM(0), n, start, run);
            for (i64 apart = run / 4; apart >= BLOCK; apart /= 4)
                for (i64 from = start; from < end; from += 2 * apart) NAME(quarter)(FROM(0), n, from, apart);
            for (i64 b = start; b < end; b += BLOCK) NAME(merge_block)(FROM(b));
        }
}

#undef ROWS_8
#undef ROWS_16
#undef SORT_8
#undef SORT_16
#undef MERGE_8
#undef MERGE_16
#undef JOINED
#undef WITH
#undef ROW
#undef EXCHANGE
#undef KEEP
#undef ROWS_OF
#undef FROM
#undef BLOCK
