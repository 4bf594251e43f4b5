/* One line of complex numbers with parts T. */
typedef struct {
    T re, im;
    i64 at;
} NAME(Number);

static OPTIMIZED void NAME(merge)(NAME(Number) *v, NAME(Number) *b, i64 n) {
    enum { RUN = 12 };
    for (i64 run = 0; run < n; run += RUN)
        for (i64 i = run + 1; i < n && i < run + RUN; i++) {
            const NAME(Number) w = v[i];
            i64 j = i;
            for (; j > run && LESS(w, v[j - 1]); j--) v[j] = v[j - 1];
            v[j] = w;
        }
    NAME(Number) *from = v, *to = b;
    for (i64 run = RUN; run < n; run *= 2) {
        for (i64 start = 0; start < n; start += 2 * run) {
            const i64 middle = start + run < n ? start + run : n, end = middle + run < n ? middle + run : n;
            i64 i = start, j = middle, k = start;
            if (end - start == 2 * run) { /* from both ends at once: neither waits for the other */
                i64 last = middle - 1, top = end - 1;
                for (i64 step = 0; step < run; step++) {
                    const int right = LESS(from[j], from[i]), left = LESS(from[top], from[last]);
                    to[start + step] = *(right ? from + j : from + i);
                    to[end - 1 - step] = *(left ? from + last : from + top);
                    i += !right;
                    j += right;
                    last -= left;
                    top -= !left;
                }
                continue;
            }
            while (i < middle && j < end) {
                const int right = LESS(from[j], from[i]);
                to[k++] = *(right ? from + j : from + i);
                i += !right;
                j += right;
            }
            while (i < middle) to[k++] = from[i++];
            while (j < end) to[k++] = from[j++];
        }
        NAME(Number) *other = from;
        from = to;
        to = other;
    }
    if (from != v) memcpy(v, from, (size_t)n * sizeof *v);
}

/* The first line of t, dealt out into v; `end`: where the numbers of each kind end. */
static OPTIMIZED void NAME(deal)(const Lines *t, NAME(Number) *v, i64 *end) {
    i64 place[4], total = 0;
    for (int c = 0; c < 4; c++) end[c] = 0;
    for (i64 i = 0; i < t->n; i++) {
        const T *z = (const T *)(t->x[0] + i * t->sx), re = z[0], im = z[1];
        end[2 * (re != re) + (im != im)]++;
    }
    for (int c = 0; c < 4; c++) {
        place[c] = total;
        total += end[c];
        end[c] = total;
    }
    for (i64 i = 0; i < t->n; i++) {
        const T *z = (const T *)(t->x[0] + i * t->sx), re = z[0], im = z[1];
        const int c = 2 * (re != re) + (im != im);
        v[place[c]++] = (NAME(Number)){c == 2 ? im : re, c == 2 ? re : im, i};
    }
}

static OPTIMIZED void NAME(sort)(const Lines *t) {
    NAME(Number) *v = (NAME(Number) *)t->room, *b = v + t->n;
    i64 end[4];
    NAME(deal)(t, v, end);
    for (int c = 0; c < 3; c++) {
        const i64 start = c ? end[c - 1] : 0;
        NAME(merge)(v + start, b + start, end[c] - start);
    }
    for (i64 i = 0; i < t->n; i++) {
        if (t->at[0]) *(i64 *)(t->at[0] + i * t->sat) = v[i].at;
        if (!t->y[0]) continue;
        T *to = (T *)(t->y[0] + i * t->sy);
        const int turned = (i >= end[1]) & (i < end[2]);
        to[0] = turned ? v[i].im : v[i].re;
        to[1] = turned ? v[i].re : v[i].im;
    }
}
