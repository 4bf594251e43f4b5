/* One program as its tables: the function, or a step of one of its loops. */
typedef struct {
    const Slot *slots;
    const Node *nodes;
    const Input *inputs;
    const int *outputs;
    const char *const *tags;
    int n_slots, n_nodes, n_inputs, n_outputs, n_tags, n_registers;
} SymBody;

