"""The pool of threads without Python: every piece exactly once, from several callers at a time, no data race."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import symcodegen

CVM = Path(symcodegen.__file__).parent / "cvm"
pytestmark = [
    pytest.mark.c,
    pytest.mark.skipif(sys.platform == "win32", reason="there the pool has no threads"),
    pytest.mark.skipif(not (CVM / "threads.c").exists(), reason="installed without its sources"),
]
PROGRAM = r"""
#include "threads.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 70000

typedef struct {
    int *done; /* how often each was */
    int within; /* tries to share within a piece */
    unsigned long sum;
} Work;

static void add(void *data, i64 lo, i64 hi) {
    Work *work = data;
    if (work->within && pool_run(4, 100, 1, 1000000, add, NULL)) abort(); /* no job in a job */
    for (i64 i = lo; i < hi; i++) work->done[i]++;
}

static void spend(void *data, i64 lo, i64 hi) {
    volatile unsigned long sum = 0;
    for (i64 i = lo; i < hi; i++)
        for (int k = 0; k < 20; k++) sum += (unsigned long)(i * k);
    __atomic_fetch_add(&((Work *)data)->sum, sum, __ATOMIC_RELAXED);
}

static void *call(void *argument) {
    unsigned seed = *(unsigned *)argument;
    Work work = {.done = malloc(MOST * sizeof(int))};
    for (int turn = 0; turn < 3000; turn++) {
        seed = seed * 1103515245u + 12345u;
        const int threads = 2 + (int)(seed >> 16) % 5;
        const int many = turn % 500 == 499;
        const i64 n = many ? MOST : 2 + (seed >> 8) % 3000, grain = many ? 1 : 1 + (seed >> 5) % 97;
        work.within = seed >> 20 & 1;
        memset(work.done, 0, (size_t)n * sizeof(int));
        if (!pool_run(threads, n, grain, 1000000, add, &work)) continue;
        for (i64 i = 0; i < n; i++)
            if (work.done[i] != 1) {
                fprintf(stderr, "%ld of %ld by %ld: done %d times\n", (long)i, (long)n, (long)grain, work.done[i]);
                abort();
            }
        if (turn % 50 == 0) pool_run(threads, 40000, 100, 1000000, spend, &work);
    }
    free(work.done);
    return NULL;
}

int main(void) {
    pthread_t threads[3];
    unsigned seeds[] = {1, 2, 3};
    i64 jobs, helped;
    pool_always(1);
    for (int k = 0; k < 3; k++) pthread_create(threads + k, NULL, call, seeds + k);
    for (int k = 0; k < 3; k++) pthread_join(threads[k], NULL);
    call(seeds);
    pool_counts(&jobs, &helped);
    printf("%ld jobs\n", (long)jobs);
    fflush(stdout);
    _exit(jobs < 1000 || pool_size() < 1);
}
"""


@pytest.mark.parametrize("sanitizer", ["", "thread"])
def test_every_piece_is_done_once(tmp_path, sanitizer):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    source, program = tmp_path / "pool.c", tmp_path / "pool"
    source.write_text("#include <unistd.h>\n" + PROGRAM)
    flags = ["-std=gnu11", "-O1", "-g", *([f"-fsanitize={sanitizer}"] if sanitizer else [])]
    built = subprocess.run(
        [compiler, *flags, f"-I{CVM}", str(source), str(CVM / "threads.c"), "-lpthread", "-lm", "-o", str(program)],
        capture_output=True,
        text=True,
    )
    if built.returncode and sanitizer and "tsan" in built.stderr:
        pytest.skip("no ThreadSanitizer beside this compiler")
    assert built.returncode == 0, built.stderr
    environment = os.environ | {"TSAN_OPTIONS": "exitcode=66"}
    environment.pop("LD_PRELOAD", None)  # another sanitizer's library does not go with this one
    done = subprocess.run([str(program)], capture_output=True, text=True, env=environment)
    if "unexpected memory mapping" in done.stderr:
        pytest.skip("ThreadSanitizer does not run on this kernel")
    assert done.returncode == 0, done.stderr[-3000:]
