/* The pool of threads. It has to pay on an idle machine and not to hurt on a busy one, so:
 *
 *   - A job is a row of pieces. Whoever has time takes the next one, the caller as well; it never waits for a thread
 *     that has not begun: one that wakes too late finds nothing left. A busy machine costs at most one piece.
 *   - Threads that wait spin for some microseconds, then sleep on a word of memory (futex) or on a condition variable.
 *   - The caller wakes one thread; whoever takes a piece wakes the next.
 *   - A second caller, or a job inside a job, gets no threads and does its work alone.
 *   - What jobs have won or lost lately is added up, and halves in a fraction of a second; of what was won, a time slice
 *     at most counts. Work that could not win what was lost is not shared. Where others want the processors, a thread that is
 *     woken is often put on the caller's, or one is stopped amid a piece, and either costs milliseconds: there work
 *     runs alone, but for a trial now and then. One bad moment of an idle machine changes nothing.
 *
 * A job is published in one word, `ticket`: its generation in the upper half, the next piece in the lower. A piece is
 * taken by compare-and-swap of the whole word, so a thread that comes from an earlier job can take none of this one's,
 * and the description that it read before belongs to the job whose piece it got. Odd generations are closed: the
 * description is changed only while nobody can take a piece. Everything is sequentially consistent; the traffic is a
 * few words per piece, and a piece takes microseconds.
 *
 * A thread that is woken is often put on the processor of the caller, and left there though another is idle: one that
 * finds itself where the caller or a thread before it is asks for another place.
 *
 * fork: the child has no threads; its pool begins anew. Exit: sleeping threads die with the process. They block all
 * signals, so that those go to the threads of Python. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getcpu, cpu_set_t */
#endif
#include "threads.h"

#if !defined(_WIN32) && !defined(__STDC_NO_ATOMICS__)
#define POOL 1
#else
#define POOL 0
#endif

#if POOL

#include <fenv.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define SPIN_NS 50000       /* how long a thread looks for the next job before it sleeps */
#define SHORT_NS 40000      /* work for which no thread is woken, unless it comes in a row: it takes so long to wake one */
#define ROW_NS 100000       /* between the beginnings of works in a row */
#define WAIT_NS 5000        /* how long the caller looks for the last piece before it sleeps */
#define FORGOTTEN_NS 290e6 /* what a job has won or lost counts for a half after 200 ms, like exp(-t / this) */
#define MOST_CREDIT_NS 4000000 /* about what it costs once when a thread is stopped amid a piece */
#define MOVE_NS 2000000     /* between two moves of a thread to another processor */
#define STACK_BYTES (2 << 20)
#define CLOSED 0xffffffffull

typedef struct {
    atomic_uint word; /* what a thread sleeps on */
#ifndef __linux__
    pthread_mutex_t mutex;
    pthread_cond_t changed;
#endif
} Bed;

typedef struct {
    Bed bed; /* word: SLEEPS or not */
    int index;
    atomic_int cpu; /* the processor that it was on when it last looked for a piece */
    i64 moved_at;
    char apart[64]; /* two threads' words on one cache line would disturb each other */
} Worker;

enum { AWAKE, SLEEPS };

static struct {
    atomic_ullong ticket; /* generation << 32 | next piece */
    char apart[56];
    _Atomic(pool_body *) body;
    _Atomic(void *) data;
    _Atomic(fenv_t *) env; /* rounding and the like are the caller's */
    atomic_llong n, grain;
    atomic_uint pieces;
    atomic_int cpu;     /* the processor of the caller */
    atomic_int helpers; /* how many of the threads may take part */
    atomic_int to_wake; /* the next one that nobody has woken yet */
    char apart_too[64];
    atomic_uint done;
    atomic_int waiting; /* the caller sleeps on `finished` */
    Bed finished;
    atomic_flag taken;
    atomic_int n_workers;
    atomic_llong jobs, helped;
    atomic_llong balance, balance_at; /* nanoseconds that jobs have won, less what they lost, and when */
    atomic_llong asked_at; /* when work was last to be shared */
    int started, prepared; /* only by who holds `taken` */
    Worker workers[MAX_THREADS];
} pool = {.taken = ATOMIC_FLAG_INIT};

static atomic_int always; /* whatever it costs: stays over a fork */
static _Thread_local int inside; /* this thread does a piece: no job in a job */

/* ---- waiting ---- */

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

static i64 read_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (i64)t.tv_sec * 1000000000 + t.tv_nsec;
}

static i64 now_ns(void) {
    return read_ns(CLOCK_MONOTONIC);
}

#ifdef __linux__
/* Sleeps while the word is `value`; may return for no reason. */
static void sleep_while(Bed *bed, unsigned value) {
    syscall(SYS_futex, &bed->word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(Bed *bed) {
    syscall(SYS_futex, &bed->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void make_bed(Bed *bed) {
    (void)bed;
}
#else
static void sleep_while(Bed *bed, unsigned value) {
    pthread_mutex_lock(&bed->mutex);
    if (atomic_load(&bed->word) == value) pthread_cond_wait(&bed->changed, &bed->mutex);
    pthread_mutex_unlock(&bed->mutex);
}

static void wake(Bed *bed) {
    pthread_mutex_lock(&bed->mutex);
    pthread_cond_signal(&bed->changed);
    pthread_mutex_unlock(&bed->mutex);
}

static void make_bed(Bed *bed) {
    pthread_mutex_init(&bed->mutex, NULL);
    pthread_cond_init(&bed->changed, NULL);
}
#endif

/* ---- a job ---- */

static void wake_next(void) {
    int helpers = atomic_load(&pool.helpers);
    if (atomic_load(&pool.to_wake) >= helpers) return;
    int next = atomic_fetch_add(&pool.to_wake, 1);
    if (next >= helpers) return;
    Bed *bed = &pool.workers[next].bed;
    if (atomic_exchange(&bed->word, AWAKE) == SLEEPS) wake(bed);
}

/* Does pieces of the job of this generation until none is left; gives how many. */
static i64 take_part(unsigned long long generation, int mine) {
    for (i64 count = 0;; count++) {
        unsigned long long ticket = atomic_load(&pool.ticket);
        pool_body *body;
        void *data;
        fenv_t *env;
        i64 n, grain, piece;
        unsigned pieces;
        do {
            if (ticket >> 32 != generation) return count;
            body = atomic_load(&pool.body);
            data = atomic_load(&pool.data);
            env = atomic_load(&pool.env);
            n = atomic_load(&pool.n);
            grain = atomic_load(&pool.grain);
            pieces = atomic_load(&pool.pieces);
            piece = (i64)(ticket & CLOSED);
            if (piece >= pieces) return count;
        } while (!atomic_compare_exchange_weak(&pool.ticket, &ticket, ticket + 1));
        wake_next();
        if (!mine && !count) fesetenv(env);
        body(data, piece * grain, n - piece * grain < grain ? n : (piece + 1) * grain);
        /* from here on the job may be over: it is not touched again */
        if (!mine) atomic_fetch_add(&pool.helped, 1);
        if (atomic_fetch_add(&pool.done, 1) + 1 == pieces && !mine && atomic_load(&pool.waiting)) {
            atomic_fetch_add(&pool.finished.word, 1);
            wake(&pool.finished);
        }
    }
}

/* Waits for pieces that other threads have begun. */
static void wait_for(unsigned pieces) {
    i64 until = 0;
    for (int turn = 0; atomic_load(&pool.done) != pieces; turn++) {
        relax();
        if (turn % 32) continue;
        i64 now = now_ns();
        if (!until) until = now + WAIT_NS;
        if (now < until) continue;
        unsigned seen = atomic_load(&pool.finished.word);
        atomic_store(&pool.waiting, 1);
        if (atomic_load(&pool.done) != pieces) sleep_while(&pool.finished, seen);
    }
    atomic_store(&pool.waiting, 0);
}

/* What jobs have won, less what they lost, as far as it still counts: (1 + t/8)^-8 for exp(-t). */
static i64 balance_at(i64 now) {
    double rest = 1 / (1 + (double)(now - atomic_load(&pool.balance_at)) / (8 * FORGOTTEN_NS));
    rest *= rest, rest *= rest, rest *= rest;
    return (i64)(rest * (double)atomic_load(&pool.balance));
}

/* May work that takes `ns` alone be shared at present? */
static int pays(int threads, i64 ns) {
    const i64 now = now_ns(), since = now - atomic_exchange(&pool.asked_at, now);
    if (atomic_load(&always)) return 1;
    return (ns >= SHORT_NS || since < ROW_NS) && ns - ns / threads + balance_at(now) >= 0;
}

/* Books a job of which the caller did `mine` of `pieces`. `since`, `ran`: the time, and that for which this thread had run,
 * when it began. Alone it would have run for as long for each of the other pieces; what it waited, for a processor or
 * for others, it would not. */
static void book(i64 since, i64 ran, i64 mine, i64 pieces) {
    const i64 now = now_ns(), own = read_ns(CLOCK_THREAD_CPUTIME_ID) - ran, wall = now - since;
    const double alone = (double)own * (double)pieces / (double)(mine ? mine : 1);
    const i64 balance = balance_at(now) + (mine ? (i64)alone : own) - wall;
    atomic_store(&pool.balance, balance < MOST_CREDIT_NS ? balance : MOST_CREDIT_NS);
    atomic_store(&pool.balance_at, now);
}

/* ---- threads ---- */

#ifdef __linux__
/* Lets this thread go to a processor where neither the caller nor a thread before this one is, if it may run on such a one.
 * Its affinity is what it was before; it stays there all the same, as long as nobody else wants the processor. */
static void step_aside(Worker *w) {
    const int here = sched_getcpu(), helpers = atomic_load(&pool.helpers);
    atomic_store(&w->cpu, here);
    int crowded = here >= 0 && here == atomic_load(&pool.cpu);
    for (int k = 0; k < w->index && !crowded; k++) crowded = here >= 0 && here == atomic_load(&pool.workers[k].cpu);
    if (!crowded) return;
    const i64 now = now_ns();
    cpu_set_t own, other;
    if (w->moved_at && now - w->moved_at < MOVE_NS) return;
    w->moved_at = now;
    if (sched_getaffinity(0, sizeof own, &own)) return;
    other = own;
    CPU_CLR(here, &other);
    for (int k = -1; k < helpers; k++) {
        const int cpu = k < 0 ? atomic_load(&pool.cpu) : atomic_load(&pool.workers[k].cpu);
        if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_CLR(cpu, &other);
    }
    if (!CPU_COUNT(&other) || sched_setaffinity(0, sizeof other, &other)) return;
    sched_setaffinity(0, sizeof own, &own);
    atomic_store(&w->cpu, sched_getcpu());
}

static int processor(void) {
    return sched_getcpu();
}
#else
static void step_aside(Worker *w) {
    (void)w;
}

static int processor(void) {
    return -1;
}
#endif

/* Sleeps unless there is a generation that this thread has not seen. */
static void sleep_till_woken(Worker *w, unsigned long long seen) {
    atomic_store(&w->bed.word, SLEEPS);
    while (atomic_load(&pool.ticket) >> 32 == seen && atomic_load(&w->bed.word) == SLEEPS)
        sleep_while(&w->bed, SLEEPS);
    atomic_store(&w->bed.word, AWAKE);
}

static void *work(void *argument) {
    Worker *w = argument;
    unsigned long long seen = 0;
    inside = 1;
    for (;;) {
        i64 until = 0;
        for (int turn = 0; atomic_load(&pool.ticket) >> 32 == seen; turn++) {
            relax();
            if (turn % 32) continue;
            i64 now = now_ns();
            if (!until) until = now + SPIN_NS;
            if (now >= until) sleep_till_woken(w, seen);
        }
        seen = atomic_load(&pool.ticket) >> 32;
        if (seen & 1 || w->index >= atomic_load(&pool.helpers)) continue;
        step_aside(w);
        take_part(seen, 0);
    }
    return NULL;
}

static void forget_threads(void) {
    memset(&pool, 0, sizeof pool);
    atomic_flag_clear(&pool.taken);
    inside = 0;
}

static int start_thread(int index) {
    Worker *w = pool.workers + index;
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    if (pthread_attr_init(&attributes)) return -1;
    w->index = index;
    atomic_store(&w->cpu, -1);
    make_bed(&w->bed);
    sigfillset(&all);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, &attributes, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (!failed) atomic_fetch_add(&pool.n_workers, 1);
    return failed ? -1 : 0;
}

/* Gives how many threads there are to help, at most `wanted`; where no more can be made, these are enough. */
static int helpers_for(int wanted) {
    static int registered; /* a child inherits the handler */
    if (!pool.prepared) {
        if (!registered && pthread_atfork(NULL, NULL, forget_threads)) return 0;
        registered = pool.prepared = 1;
        make_bed(&pool.finished);
    }
    while (pool.started < wanted && !start_thread(pool.started)) pool.started++;
    return pool.started < wanted ? pool.started : wanted;
}

int pool_run(int threads, i64 n, i64 grain, i64 ns, pool_body *body, void *data) {
    fenv_t env;
    if (threads < 2 || grain < 1 || n <= grain || inside) return 0;
    if (!pays(threads, ns) || atomic_flag_test_and_set(&pool.taken)) return 0;
    if ((n - 1) / grain >= INT_MAX) grain = n / INT_MAX + 1;
    const unsigned pieces = (unsigned)((n - 1) / grain + 1);
    const int most = threads < MAX_THREADS ? threads : MAX_THREADS;
    const int helpers = helpers_for((pieces < (unsigned)most ? (int)pieces : most) - 1);
    if (!helpers || fegetenv(&env)) {
        atomic_flag_clear(&pool.taken);
        return 0;
    }
    const i64 since = now_ns(), ran = read_ns(CLOCK_THREAD_CPUTIME_ID);
    const unsigned long long closed = (atomic_load(&pool.ticket) >> 32) | 1, open = closed + 1;
    atomic_store(&pool.ticket, closed << 32 | CLOSED);
    atomic_store(&pool.body, body);
    atomic_store(&pool.data, data);
    atomic_store(&pool.env, &env);
    atomic_store(&pool.n, n);
    atomic_store(&pool.grain, grain);
    atomic_store(&pool.pieces, pieces);
    atomic_store(&pool.cpu, processor());
    atomic_store(&pool.helpers, helpers);
    atomic_store(&pool.to_wake, 0);
    atomic_store(&pool.done, 0);
    atomic_store(&pool.ticket, (open & CLOSED) << 32);
    atomic_fetch_add(&pool.jobs, 1);
    inside = 1;
    const i64 mine = take_part(open & CLOSED, 1);
    wait_for(pieces);
    book(since, ran, mine, pieces);
    inside = 0;
    atomic_flag_clear(&pool.taken);
    return 1;
}

int pool_size(void) {
    return atomic_load(&pool.n_workers);
}

int pool_always(int on) {
    return atomic_exchange(&always, on);
}

void pool_counts(i64 *jobs, i64 *helped) {
    *jobs = atomic_load(&pool.jobs);
    *helped = atomic_load(&pool.helped);
}

#else /* no threads of ours: everything runs in the caller's */

int pool_run(int threads, i64 n, i64 grain, i64 ns, pool_body *body, void *data) {
    (void)threads, (void)n, (void)grain, (void)ns, (void)body, (void)data;
    return 0;
}

int pool_size(void) {
    return 0;
}

int pool_always(int on) {
    (void)on;
    return 0;
}

void pool_counts(i64 *jobs, i64 *helped) {
    *jobs = *helped = 0;
}

#endif
