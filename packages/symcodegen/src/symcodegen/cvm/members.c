/* Loops over a batch whose members never meet, shared out by members: each thread takes some of them through many steps.
 *
 * In most recurrent layers what a step makes of one row of the batch depends on that row alone. A group of rows is then a
 * loop of its own: the same program, prepared for fewer rows, on pointers that begin at the first of them. Nothing has to
 * be waited for within a step, and the rows of a group stay in the cache of the thread that has them.
 *
 * Steps go by stretches that take some hundred microseconds. A stretch is a job of the pool, its pieces are the groups, so
 * that a busy machine loses no more than it does by kernels that are cut (threads.c), and any thread may have any group
 * in the next stretch. Groups are a matter of lengths alone, and with more than one thread they are made whether others
 * help or not: results do not depend on who does what. */
#include "cvm.h"
#include "threads.h"

#define LEAST_MEMBERS 8             /* of a group: as many rows as a product has accumulators for at a time */
#define LEAST_STEP (1 << 15)        /* work of a group in a step: many times what walking through its kernels costs */
#define LEAST_LOOP ((i64)1 << 20)   /* work of all steps, as of a kernel that is cut */
#define STRETCH_WORK ((i64)1 << 23) /* of all groups together */

int small_steps; /* are shared as well: for tests, which change it under the GIL */

typedef struct {
    Context *context;
    const LoopPrepared *loop;
    char *const *p;
    i64 from, n;
    int failed[MOST_GROUPS];
} Job;

/* ---- preparation ---- */

/* How many members there are; 0 where lengths differ, so that they cannot be told apart. */
static i64 count_members(Context *c, const LoopPrepared *l) {
    const Program *inner = l->loop->inner;
    Context *k = *steps_of(c, l->loop, 0);
    i64 count = -1;
    for (int i = 0; i < inner->n_inputs + inner->n_outputs; i++) {
        const int slot = i < inner->n_inputs ? inner->inputs[i].slot : inner->outputs[i - inner->n_inputs];
        if (l->loop->members[i] < 0 || inner->slots[slot].segment < 0) continue; /* nothing reads it */
        const i64 length = lengths_of(k, slot)[l->loop->members[i]];
        if (count >= 0 && length != count) return 0;
        count = length;
    }
    return count;
}

/* Into how many groups: as lengths alone say. */
static i64 count_groups(Context *c, const LoopPrepared *l) {
    if (!l->loop->members || c->outer || c->program->threads < 2 || l->inner->loops) return 0;
    i64 groups = count_members(c, l);
    if (!small_steps) {
        if (l->inner->work < 2 * LEAST_STEP || l->n < (LEAST_LOOP - 1) / l->inner->work + 1) return 0;
        groups /= LEAST_MEMBERS;
        if (groups > l->inner->work / LEAST_STEP) groups = l->inner->work / LEAST_STEP;
    }
    return groups < 2 ? 0 : groups < MOST_GROUPS ? groups : MOST_GROUPS;
}

/* Does a group make what belongs to its members of what all make? */
static int fits(Context *c, const LoopPrepared *l, int part, i64 members) {
    const Program *inner = l->loop->inner;
    for (int o = 0; o < inner->n_outputs; o++) {
        const i64 *all = lengths_of(*steps_of(c, l->loop, 0), inner->outputs[o]);
        const i64 *own = lengths_of(*steps_of(c, l->loop, part), inner->outputs[o]);
        for (int axis = 0; axis < inner->slots[inner->outputs[o]].ndim; axis++)
            if (own[axis] != (axis ? all[axis] : members)) return 0;
    }
    return 1;
}

static LoopPrepared *plan_group(Context *c, const LoopPrepared *l, int part, i64 first, i64 members) {
    Prepared *inner = prepare_step(c, l->node, part, members);
    LoopPrepared *group = inner && fits(c, l, part, members) ? place_steps(c, l->node, inner, part, first) : NULL;
    if (group) group->check = l->n + 1;
    return group;
}

/* Decides about a loop that has been prepared as a whole. Where groups cannot be prepared, it stays whole. */
void plan_groups(Context *c, Prepared *q, LoopPrepared *l) {
    const Program *inner = l->loop->inner;
    const i64 groups = count_groups(c, l), all = groups ? count_members(c, l) : 0;
    (void)q;
    for (int r = 0; r < l->inner->n_runs; r++) {
        const Routine *routine = inner->nodes[l->inner->runs[r].node].routine;
        l->blas |= routine && routine->needs_blas;
    }
    i64 first = 0;
    for (int g = 0; g < groups; g++) {
        const i64 members = all / groups + (g < all % groups);
        LoopPrepared *group = plan_group(c, l, 1 + g, first, members);
        if (!group) {
            PyErr_Clear();
            c->inside = NULL;
            while (l->n_groups) drop_loops(l->groups[--l->n_groups]);
            return;
        }
        l->groups[l->n_groups++] = group;
        first += members;
    }
}

/* ---- a run ---- */

static void run_members(void *data, i64 lo, i64 hi) {
    Job *job = data;
    i64 made;
    for (i64 g = lo; g < hi; g++)
        job->failed[g] = run_range(job->context, job->loop->groups[g], job->p, job->from, job->n, &made);
}

/* All steps of all groups. 0; 1 where a step of one failed: the loop is then to be run whole, so that its error speaks of
 * operands and steps as they are; or SYM_RAISED. */
int run_groups(Context *c, const LoopPrepared *l, char *const *p) {
    const i64 work = l->inner->work + 1;
    const i64 stretch = small_steps ? 3 : STRETCH_WORK / work + 1;
    /* never two pools at once */
    const int threads = l->blas && blas_threads() != 1 ? 1 : c->program->threads;
    Job job = {.context = c, .loop = l, .p = p};
    for (i64 looked = 0; job.from < l->n; job.from += job.n) {
        job.n = l->n - job.from < stretch ? l->n - job.from : stretch;
        if (pool_run(threads, l->n_groups, 1, job.n * work / WORK_PER_NS, run_members, &job))
            c->shared++;
        else
            run_members(&job, 0, l->n_groups);
        for (int g = 0; g < l->n_groups; g++)
            if (job.failed[g]) return 1;
        if (job.from + job.n - looked < l->check || job.from + job.n == l->n) continue;
        looked = job.from + job.n;
        if (interrupted(c)) return SYM_RAISED;
    }
    return 0;
}
