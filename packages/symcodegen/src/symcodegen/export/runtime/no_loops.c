/* Stands in for loop.c in a program without loops. */
#include "cvm.h"

int place_loop(Program *p, Node *node, int index) {
    (void)p, (void)node, (void)index;
    return -1;
}

void free_loop(Loop *loop) {
    (void)loop;
}

int prepare_loop(Context *c, Prepared *q, Node *node) {
    (void)c, (void)q, (void)node;
    return -1;
}

void drop_loops(LoopPrepared *l) {
    (void)l;
}

int bind_loops(Context *c, Prepared *q) {
    (void)c, (void)q;
    return 0;
}
