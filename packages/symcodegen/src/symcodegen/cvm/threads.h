/* The pool of threads: one for the process, started when it is first wanted. No Python here. */
#ifndef SYMTHREADS_H
#define SYMTHREADS_H

#include "../runtime/symabi.h"

#define MAX_THREADS 256 /* that take part in one job, the caller among them */

typedef void pool_body(void *data, i64 lo, i64 hi);

/* Calls body(data, lo, hi) so that [0, n) is covered, in pieces of `grain` (the last may be shorter), on up to
 * `threads` threads, this one among them; returns 1 when all are done. Returns 0, and has called nothing, where there is
 * nothing to share: one thread, one piece, another job in progress (this call is made by one, or in another thread of
 * the program), no threads on this system; or where sharing would not pay on a machine as busy as it was lately, for
 * work that takes about `ns` nanoseconds alone. Which thread gets which piece is left open: no result may depend on it. */
int pool_run(int threads, i64 n, i64 grain, i64 ns, pool_body *body, void *data);

/* Threads that the pool has at present, not counting callers; 0 before its first job, and in a child after fork. */
int pool_size(void);

/* Lets work be shared however busy the machine is, or not; gives what held before. For the process. */
int pool_always(int on);

/* Jobs that were shared since the process began, and pieces of them that threads of the pool did. */
void pool_counts(i64 *jobs, i64 *helped);

#endif
