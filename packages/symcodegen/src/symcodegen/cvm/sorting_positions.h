/* The order of elements, and the largest or smallest few, by sorting words that hold positions. Before including:
 * TARGET, NAME(x), W (a word), WORD(key, i), AT(w, inverted) (the position in it), LESS(a, b),
 * BIAS(t); and for lines side by side LANES, ORDER_LANES(t, v), which sorts the words of the keys v, and
 * SIDE(v, i, l, inverted), the position in word i of line l. There are the functions of sorting_core.h for these words,
 * and those of sorting_template.h for keys of 64 bits, which end in _8. */

/* Restores the heap of `k` words, the smallest on top, below entry `i`. */
static TARGET void NAME(settle)(W *h, i64 k, i64 i) {
    const W w = h[i];
    for (i64 c; (c = 2 * i + 1) < k; i = c) {
        if (c + 1 < k && LESS(h[c + 1], h[c])) c++;
        if (!LESS(h[c], w)) break;
        h[i] = h[c];
    }
    h[i] = w;
}

enum { NAME(CHUNK) = 256 };

/* The keys of m elements; equal ones for NaN of all kinds, and for zeros of both signs. */
static TARGET void NAME(keys)(const Lines *t, const char *x, i64 m, i64 *key) {
    const Ordering o = t->order;
    const i64 inverted = t->inverted;
    load_8(t, x, m, key);
    for (i64 i = 0; i < m; i++)
        key[i] = key_8(equal_8(key[i], o.magnitude, o.infinity, o.zero), o.turned, o.flip) ^ inverted;
}

/* The k largest words, ascending, are the last ones of v up to what is returned: all of them, or few of many. */
static TARGET i64 NAME(top)(const Lines *t, const char *x, W *v) {
    const i64 n = t->n, few = wants_few(t) ? t->k : n, inverted = t->inverted;
    i64 key[NAME(CHUNK)];
    for (i64 from = 0; from < n; from += NAME(CHUNK)) {
        const i64 m = n - from < NAME(CHUNK) ? n - from : NAME(CHUNK), at = few - from < m ? few - from : m;
        i64 i = 0;
        NAME(keys)(t, x + from * t->sx, m, key);
        if (inverted && few == n)
            for (; i < at; i++) v[n - 1 - from - i] = WORD(key[i], ~(from + i));
        else
            for (; i < at; i++) v[from + i] = WORD(key[i], (from + i) ^ inverted);
        if (i && from + i == few && few < n)
            for (i64 j = few / 2 - 1; j >= 0; j--) NAME(settle)(v, few, j);
        for (i = i > 0 ? i : 0; i < m; i++) {
            const W w = WORD(key[i], (from + i) ^ inverted);
            if (LESS(v[0], w)) {
                v[0] = w;
                NAME(settle)(v, few, 0);
            }
        }
    }
    if (few == n) NAME(sort)(v, v + n, n, (int)t->order.size, BIAS(t));
    else NAME(merge)(v, v + n, few, 0);
    return few;
}

static TARGET void NAME(order_line)(const Lines *t, const char *x, char *y, char *at) {
    W *v = (W *)t->room;
    const i64 few = NAME(top)(t, x, v), k = t->k, inverted = t->inverted;
    i64 position[NAME(CHUNK)];
    for (i64 from = 0; from < k; from += NAME(CHUNK)) {
        const i64 m = k - from < NAME(CHUNK) ? k - from : NAME(CHUNK);
        const W *w = v + few - k + from;
        if (inverted)
            for (i64 i = 0; i < m; i++) position[i] = AT(v[few - 1 - from - i], inverted);
        else
            for (i64 i = 0; i < m; i++) position[i] = AT(w[i], 0);
        store_positions(t, position, m, x, y ? y + from * t->sy : y, at + from * t->sat);
    }
}

static TARGET void NAME(order_lanes)(const Lines *t, int lines) {
    i64 *v = (i64 *)t->room, *position = v + (t->n + 15) / 16 * 32 * LANES;
    const Ordering o = t->order;
    const i64 n = t->n, k = t->k, inverted = t->inverted;
    gather_8(t, v);
    for (i64 i = 0; i < n * LANES; i++)
        v[i] = key_8(equal_8(v[i], o.magnitude, o.infinity, o.zero), o.turned, o.flip) ^ inverted;
    ORDER_LANES(t, v);
    for (int l = 0; l < lines; l++) {
        for (i64 i = 0; i < k; i++) position[i] = SIDE(v, inverted ? n - 1 - i : n - k + i, l, inverted);
        store_positions(t, position, k, t->x[l], t->y[l], t->at[l]);
    }
}

static TARGET void NAME(positions)(Lines *t) {
    for (int lines; (lines = take_lines(t, t->side ? LANES : 1));) {
        if (t->side && lines > LANES / 4) {
            NAME(order_lanes)(t, lines);
            continue;
        }
        for (int l = 0; l < lines; l++) NAME(order_line)(t, t->x[l], t->y[l], t->at[l]);
    }
}

#undef W
#undef WORD
#undef AT
#undef LESS
#undef BIAS
#undef ORDER_LANES
#undef SIDE
