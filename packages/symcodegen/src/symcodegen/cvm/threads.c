/* The pool of threads. It has to pay on an idle machine and not to hurt on a busy one, so:
 *
 *   - A job is a row of pieces, of which every thread is given a range. Whoever is through with its own takes from the
 *     ends of the others', the caller as well; it never waits for a thread that has not begun: one that wakes too late
 *     finds nothing left. A busy machine costs at most one piece.
 *   - A thread has the same range of the same work every time: what it touches stays in its own cache.
 *   - Threads that wait spin for some microseconds, then sleep on a word of memory (futex) or on a condition variable.
 *   - The caller wakes one thread; whoever takes a piece wakes the next.
 *   - A second caller, or a job inside a job, gets no threads and does its work alone.
 *   - What jobs have won or lost is added up; a debt is forgiven as time passes, one part in thirty, and of what was
 *     won a time slice at most counts. While there is a debt that it could not win back, work is not shared. Where
 *     others want the processors, a thread that is woken is often put on the caller's, or one is stopped amid a piece,
 *     and either costs milliseconds: there work runs alone but for trials, and these lose a few per cent of the time at
 *     most. A single loss counts for a time slice, so that an idle machine soon shares again.
 *
 * Each range is one word: the generation of the job in the upper half, then the next piece and the end. A piece is
 * taken by compare-and-swap of the whole word, so a thread that comes from an earlier job can take none of this one's,
 * and the description that it read before belongs to the job whose piece it got: the description is changed only after
 * a job is done, when all its ranges are empty, and ranges are filled after it. Everything is sequentially consistent;
 * the traffic is a few words per piece, and a piece takes microseconds.
 *
 * A thread that is woken is often put on the processor of the caller, though another is idle, and may wait there until
 * the caller's time slice is over. So the caller forbids a sleeping thread its processor, and those of the threads before
 * it, before it wakes it; a thread that finds itself in such a place all the same asks for another one.
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
#define WAIT_NS 20000       /* how long the caller looks for the last piece before it sleeps: waking takes as long */
#define FORGIVEN 32         /* nanoseconds after which a debt is one less: losses are below 3 % of the time */
#define LEAST_DEBT_NS 4000000 /* the most that a loss may leave; doubled by each, until MOST_CREDIT_NS have been won */
#define MOST_DEBT_NS 64000000
#define MOST_CREDIT_NS 4000000 /* about what it costs once when a thread is stopped amid a piece */
#define MOVE_NS 2000000     /* between two moves of a thread to another processor */
#define STACK_BYTES (2 << 20)
#define MOST_PIECES 0xffff

typedef struct {
    atomic_uint word; /* what a thread sleeps on */
#ifndef __linux__
    pthread_mutex_t mutex;
    pthread_cond_t changed;
#endif
} Bed;

typedef struct {
    atomic_ullong word; /* generation << 32 | next piece << 16 | the piece behind the last */
    char apart[56];     /* two threads' words on one cache line would disturb each other */
} Range;

typedef struct {
    Bed bed; /* word: SLEEPS or not */
    int index;
    atomic_int cpu; /* the processor that it was on when it last looked for a piece */
    i64 moved_at;
#ifdef __linux__
    atomic_int tid;
    atomic_int place; /* WIDE, NARROW: it may not use all of `own` for the moment, or CHANGING */
    cpu_set_t own;    /* its processors; touched only by who made `place` CHANGING */
#endif
    char apart[64];
} Worker;

enum { AWAKE, SLEEPS };
enum { WIDE, NARROW, CHANGING };

static struct {
    atomic_uint generation; /* of the last job: what threads look at while they wait */
    char apart[60];
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
    i64 debt; /* what a loss may leave beyond LEAST_DEBT_NS; only by who holds `taken` */
    atomic_llong asked_at; /* when work was last to be shared */
    int started, prepared; /* only by who holds `taken` */
    Worker workers[MAX_THREADS];
    Range ranges[MAX_THREADS]; /* the caller's, then those of the threads */
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

/* ---- places ---- */

#ifdef __linux__
/* Takes the processors of the caller and of the threads before this one from the set; are any left? */
static int spare_processors(cpu_set_t *set, const Worker *w) {
    for (int k = -1; k < w->index; k++) {
        const int cpu = k < 0 ? atomic_load(&pool.cpu) : atomic_load(&pool.workers[k].cpu);
        if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_CLR(cpu, set);
    }
    return CPU_COUNT(set) > 0;
}

/* Of a thread that sleeps: lets it wake up on a processor of its own. */
static void choose_place(Worker *w) {
    const int tid = atomic_load(&w->tid);
    int place = tid ? atomic_exchange(&w->place, CHANGING) : CHANGING;
    if (place == CHANGING) return; /* it is no longer asleep */
    if (place == NARROW || !sched_getaffinity(tid, sizeof w->own, &w->own)) {
        cpu_set_t other = w->own;
        if (spare_processors(&other, w) && !sched_setaffinity(tid, sizeof other, &other)) place = NARROW;
    }
    atomic_store(&w->place, place);
}

/* The affinity of this thread is what it was before; it stays where it is all the same, as long as nobody else wants the
 * processor. */
static void widen(Worker *w) {
    if (atomic_load(&w->place) == WIDE || atomic_exchange(&w->place, CHANGING) == CHANGING) return;
    sched_setaffinity(0, sizeof w->own, &w->own);
    atomic_store(&w->place, WIDE);
}

/* Lets this thread go to a processor where neither the caller nor a thread before it is, if it may run on such a one. */
static void step_aside(Worker *w) {
    widen(w);
    const int here = sched_getcpu();
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
    if (!spare_processors(&other, w) || sched_setaffinity(0, sizeof other, &other)) return;
    sched_setaffinity(0, sizeof own, &own);
    atomic_store(&w->cpu, sched_getcpu());
}

static void begin_place(Worker *w) {
    atomic_store(&w->tid, (int)syscall(SYS_gettid));
}

/* The same for a thread that is to be made. */
static void choose_first_place(Worker *w, pthread_attr_t *attributes) {
    atomic_store(&w->place, WIDE);
#ifdef __GLIBC__
    const int here = sched_getcpu();
    cpu_set_t other;
    if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof w->own, &w->own)) return;
    other = w->own;
    CPU_CLR(here, &other);
    if (CPU_COUNT(&other) && !pthread_attr_setaffinity_np(attributes, sizeof other, &other))
        atomic_store(&w->place, NARROW);
#else
    (void)attributes;
#endif
}

static int processor(void) {
    return sched_getcpu();
}
#else
static void choose_place(Worker *w) {
    (void)w;
}

static void step_aside(Worker *w) {
    (void)w;
}

static void begin_place(Worker *w) {
    (void)w;
}

static void choose_first_place(Worker *w, pthread_attr_t *attributes) {
    (void)w, (void)attributes;
}

static int processor(void) {
    return -1;
}
#endif

/* ---- a job ---- */

static void wake_next(void) {
    int helpers = atomic_load(&pool.helpers);
    if (atomic_load(&pool.to_wake) >= helpers) return;
    int next = atomic_fetch_add(&pool.to_wake, 1);
    if (next >= helpers) return;
    Worker *w = pool.workers + next;
    if (atomic_load(&w->bed.word) != SLEEPS) return;
    choose_place(w);
    if (atomic_exchange(&w->bed.word, AWAKE) == SLEEPS) wake(&w->bed);
}

typedef struct {
    pool_body *body;
    void *data;
    fenv_t *env;
    i64 n, grain;
    unsigned pieces;
} Job;

/* Takes a piece of a range, the next one of an own, the last one of another's. Gives which, and the job; -1: none left. */
static i64 take(Job *job, unsigned generation, int range, int own) {
    atomic_ullong *word = &pool.ranges[range].word;
    unsigned long long seen = atomic_load(word);
    i64 first, end;
    do {
        if (seen >> 32 != generation) return -1;
        first = (i64)(seen >> 16 & MOST_PIECES), end = (i64)(seen & MOST_PIECES);
        if (first >= end) return -1;
        job->body = atomic_load(&pool.body);
        job->data = atomic_load(&pool.data);
        job->env = atomic_load(&pool.env);
        job->n = atomic_load(&pool.n);
        job->grain = atomic_load(&pool.grain);
        job->pieces = atomic_load(&pool.pieces);
    } while (!atomic_compare_exchange_weak(word, &seen, own ? seen + (1 << 16) : seen - 1));
    return own ? first : end - 1;
}

/* Does pieces of the job of this generation until none is left; gives how many. `me`: whose range is its own. */
static i64 take_part(unsigned generation, int me) {
    const int ranges = atomic_load(&pool.helpers) + 1;
    i64 count = 0;
    for (int tried = 0, at = me; tried < ranges; tried++, at = at + 1 < ranges ? at + 1 : 0) {
        Job job;
        for (i64 piece; (piece = take(&job, generation, at, at == me)) >= 0;) {
            const i64 from = piece * job.grain;
            wake_next();
            if (me && !count) fesetenv(job.env);
            job.body(job.data, from, job.n - from < job.grain ? job.n : from + job.grain);
            count++;
            /* from here on the job may be over: it is not touched again */
            if (me) atomic_fetch_add(&pool.helped, 1);
            if (atomic_fetch_add(&pool.done, 1) + 1 == job.pieces && me && atomic_load(&pool.waiting)) {
                atomic_fetch_add(&pool.finished.word, 1);
                wake(&pool.finished);
            }
        }
    }
    return count;
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

/* What jobs have won, less what they lost and has not been forgiven since. */
static i64 balance_at(i64 now) {
    const i64 balance = atomic_load(&pool.balance), forgiven = (now - atomic_load(&pool.balance_at)) / FORGIVEN;
    if (balance >= 0 || forgiven <= 0) return balance;
    return balance + forgiven < 0 ? balance + forgiven : 0;
}

/* May work that takes `ns` alone be shared at present? */
static int pays(int threads, i64 ns) {
    const i64 now = now_ns(), since = now - atomic_exchange(&pool.asked_at, now);
    if (atomic_load(&always)) return 1;
    return (ns >= SHORT_NS || since < ROW_NS) && ns - ns / threads + balance_at(now) >= 0;
}

/* Books a job that began at `since`, of which the caller did `mine` of `pieces` and ran for `own` meanwhile. Alone it
 * would have run for as long for each of the other pieces; what it waited, for a processor or for others, it would not. */
static void book(i64 since, i64 own, i64 mine, i64 pieces) {
    const i64 now = now_ns(), wall = now - since;
    const double alone = (double)own * (double)pieces / (double)(mine ? mine : 1);
    const i64 balance = balance_at(now) + (mine ? (i64)alone : own) - wall;
    const i64 most = LEAST_DEBT_NS + pool.debt;
    if (balance >= MOST_CREDIT_NS)
        pool.debt = 0;
    else if (balance < -most && most < MOST_DEBT_NS)
        pool.debt += most;
    atomic_store(&pool.balance, balance < -most ? -most : balance < MOST_CREDIT_NS ? balance : MOST_CREDIT_NS);
    atomic_store(&pool.balance_at, now);
}

/* ---- threads ---- */

/* Sleeps unless there is a generation that this thread has not seen. */
static void sleep_till_woken(Worker *w, unsigned seen) {
    atomic_store(&w->bed.word, SLEEPS);
    while (atomic_load(&pool.generation) == seen && atomic_load(&w->bed.word) == SLEEPS)
        sleep_while(&w->bed, SLEEPS);
    atomic_store(&w->bed.word, AWAKE);
}

static void *work(void *argument) {
    Worker *w = argument;
    unsigned seen = 0;
    begin_place(w);
    inside = 1;
    for (;;) {
        i64 until = 0;
        for (int turn = 0; atomic_load(&pool.generation) == seen; turn++) {
            relax();
            if (turn % 32) continue;
            i64 now = now_ns();
            if (!until) until = now + SPIN_NS;
            if (now >= until) sleep_till_woken(w, seen);
        }
        seen = atomic_load(&pool.generation);
        if (w->index >= atomic_load(&pool.helpers)) continue;
        step_aside(w);
        take_part(seen, 1 + w->index);
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
    choose_first_place(w, &attributes);
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

/* Where the share of a thread begins; the caller, who is the first to begin, has the larger one. */
static unsigned share_from(unsigned pieces, int k, int parts) {
    return (pieces * (unsigned)k + (unsigned)parts - 1) / (unsigned)parts;
}

/* Gives each of `parts` threads its pieces, and lets all see that there is a job; its generation. */
static unsigned publish(unsigned pieces, int parts) {
    unsigned generation = atomic_load(&pool.generation) + 1;
    for (int k = 0; k < parts; k++) {
        const unsigned long long from = share_from(pieces, k, parts), to = share_from(pieces, k + 1, parts);
        atomic_store(&pool.ranges[k].word, (unsigned long long)generation << 32 | from << 16 | to);
    }
    atomic_store(&pool.generation, generation);
    return generation;
}

int pool_run(int threads, i64 n, i64 grain, i64 ns, pool_body *body, void *data) {
    fenv_t env;
    if (threads < 2 || grain < 1 || n <= grain || inside) return 0;
    if (!pays(threads, ns) || atomic_flag_test_and_set(&pool.taken)) return 0;
    if ((n - 1) / grain >= MOST_PIECES) grain = n / MOST_PIECES + 1;
    const unsigned pieces = (unsigned)((n - 1) / grain + 1);
    const int most = threads < MAX_THREADS ? threads : MAX_THREADS;
    const int helpers = helpers_for((pieces < (unsigned)most ? (int)pieces : most) - 1);
    if (!helpers || fegetenv(&env)) {
        atomic_flag_clear(&pool.taken);
        return 0;
    }
    const i64 since = now_ns(), ran = read_ns(CLOCK_THREAD_CPUTIME_ID);
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
    atomic_fetch_add(&pool.jobs, 1);
    inside = 1;
    const i64 mine = take_part(publish(pieces, helpers + 1), 0), own = read_ns(CLOCK_THREAD_CPUTIME_ID) - ran;
    wait_for(pieces);
    book(since, own, mine, pieces);
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
