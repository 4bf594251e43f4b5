/* Sorting of `n` words that lie one after another; stable. Before including: TARGET, NAME(x), W (a word), K (its key, a
 * signed integer), U (the same without sign), KEY(w), LESS(a, b); RANKS, whether a vector of keys is compared at once,
 * and VECTOR, its bytes. `b` has room for as many words. */

#define RANKED 48 /* words placed by rank at once */

#if RANKS
typedef K NAME(Keys) __attribute__((vector_size(VECTOR)));

/* Words by their rank, counted in vectors; equal keys as they stand. */
static TARGET __attribute__((noinline)) void NAME(rank)(W *v, W *b, i64 n) {
    enum { WIDTH = VECTOR / sizeof(K) };
    K key[RANKED + WIDTH], place[RANKED + WIDTH], count[WIDTH];
    for (i64 i = 0; i < n; i++) {
        key[i] = KEY(v[i]);
        b[i] = v[i];
    }
    for (i64 i = n; i < n + WIDTH; i++) key[i] = 0;
    for (int i = 0; i < WIDTH; i++) count[i] = (K)i;
    NAME(Keys) at;
    memcpy(&at, count, sizeof at);
    for (i64 i = 0; i < n; i += WIDTH) {
        NAME(Keys) own, rank = at - at;
        memcpy(&own, key + i, sizeof own);
        for (i64 j = 0; j < n; j++) {
            const NAME(Keys) w = at - at + key[j], here = at - at + (K)j;
            rank -= (NAME(Keys))((w < own) | ((w == own) & (here < at)));
        }
        memcpy(place + i, &rank, sizeof rank);
        at += WIDTH;
    }
    for (i64 i = 0; i < n; i++) v[place[i]] = b[i];
}
#endif

static TARGET void NAME(insert)(W *v, i64 n) {
    for (i64 i = 1; i < n; i++) {
        const W w = v[i];
        i64 j = i;
        for (; j > 0 && LESS(w, v[j - 1]); j--) v[j] = v[j - 1];
        v[j] = w;
    }
}

/* `placed`: the words come in the order of their positions. */
static TARGET __attribute__((noinline)) void NAME(merge)(W *v, W *b, i64 n, int placed) {
    enum { RUN = RANKS ? 32 : 12 };
    (void)placed;
#if RANKS
    if (placed && n <= RANKED) {
        NAME(rank)(v, b, n);
        return;
    }
#endif
    for (i64 run = 0; run < n; run += RUN) {
        const i64 m = n - run < RUN ? n - run : RUN;
#if RANKS
        if (placed) {
            NAME(rank)(v + run, b, m);
            continue;
        }
#endif
        NAME(insert)(v + run, m);
    }
    W *from = v, *to = b;
    for (i64 run = RUN; run < n; run *= 2) {
        for (i64 start = 0; start < n; start += 2 * run) {
            const i64 middle = start + run < n ? start + run : n, end = middle + run < n ? middle + run : n;
            i64 i = start, j = middle, k = start;
            if (end - start == 2 * run) { /* from both ends at once: neither waits for the other */
                i64 last = middle - 1, top = end - 1;
                for (i64 step = 0; step < run; step++) {
                    const int right = LESS(from[j], from[i]), left = LESS(from[top], from[last]);
                    to[start + step] = right ? from[j] : from[i];
                    to[end - 1 - step] = left ? from[last] : from[top];
                    i += !right;
                    j += right;
                    last -= left;
                    top -= !left;
                }
                continue;
            }
            while (i < middle && j < end) {
                const int right = LESS(from[j], from[i]);
                to[k++] = right ? from[j] : from[i];
                i += !right;
                j += right;
            }
            while (i < middle) to[k++] = from[i++];
            while (j < end) to[k++] = from[j++];
        }
        W *other = from;
        from = to;
        to = other;
    }
    if (from != v) memcpy(v, from, (size_t)n * sizeof(W));
}

/* By the lowest bytes of keys, least significant first, leaving out those that are the same everywhere. */
static inline __attribute__((always_inline)) TARGET void NAME(by_bytes)(W *v, W *b, i64 n, int bytes, U bias) {
    i64 count[sizeof(K)][256];
    for (int k = 0; k < bytes; k++) memset(count[k], 0, sizeof count[k]);
    for (i64 i = 0; i < n; i++) {
        const U u = (U)KEY(v[i]) + bias;
#pragma GCC unroll 8
        for (int k = 0; k < bytes; k++) count[k][(u >> (8 * k)) & 255]++;
    }
    W *from = v, *to = b;
    for (int k = 0; k < bytes; k++) {
        i64 total = 0, *c = count[k];
        if (c[(((U)KEY(v[0]) + bias) >> (8 * k)) & 255] == n) continue;
        for (int j = 0; j < 256; j++) {
            const i64 here = c[j];
            c[j] = total;
            total += here;
        }
        for (i64 i = 0; i < n; i++) {
            const W w = from[i];
            to[c[(((U)KEY(w) + bias) >> (8 * k)) & 255]++] = w;
        }
        W *other = from;
        from = to;
        to = other;
    }
    if (from != v) memcpy(v, from, (size_t)n * sizeof(W));
}

/* `bytes` of keys may differ: those of an element. */
static TARGET __attribute__((noinline)) void NAME(sort)(W *v, W *b, i64 n, int bytes, U bias) {
    int sorted = 1;
    for (i64 i = 1; i < n && sorted; i++) sorted = !LESS(v[i], v[i - 1]);
    if (sorted) return;
    if (n <= 96 * bytes) NAME(merge)(v, b, n, 1);
    else if (bytes == sizeof(K)) NAME(by_bytes)(v, b, n, sizeof(K), bias);
    else if (bytes == 1) NAME(by_bytes)(v, b, n, 1, bias);
    else NAME(by_bytes)(v, b, n, 2, bias);
}

#undef RANKED
