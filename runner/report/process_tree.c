/* process_tree.c: see process_tree.h. */
#define _GNU_SOURCE
#include "runner/report/process_tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "runner/kernel/signal_names.h"
#include "runner/util.h"

enum { CAPACITY_MIN = 64, DEPTH_MAX = 40 };

void process_tree_init(struct process_tree *tree, bool kept)
{
    *tree = (struct process_tree){.kept = kept};
}

void process_tree_clear(struct process_tree *tree)
{
    free(tree->nodes);
    *tree = (struct process_tree){0};
}

static bool reserve(struct process_tree *tree)
{
    if (tree->count < tree->capacity)
        return true;
    uint32_t capacity = tree->capacity == 0 ? CAPACITY_MIN : tree->capacity * 2;
    struct node *nodes = capacity <= 2 * PROCESS_TREE_MAX
                             ? reallocarray(tree->nodes, capacity, sizeof *nodes)
                             : NULL;
    if (nodes == NULL)
        return false;
    tree->nodes = nodes;
    tree->capacity = capacity;
    if (tree->count == 0)
        tree->nodes[tree->count++] = (struct node){0};
    return true;
}

void process_tree_begin(struct process_tree *tree, struct process *process)
{
    uint32_t parent = process->node;
    process->node = 0;
    if (!tree->kept)
        return;
    if (tree->count >= PROCESS_TREE_MAX || !reserve(tree)) {
        tree->left_out++;
        return;
    }
    process->node = tree->count++;
    struct node *node = &tree->nodes[process->node];
    *node = (struct node){.pid = process->pid, .parent = parent, .begun = process->begun};
    memcpy(node->name, process->name, sizeof node->name);
}

void process_tree_adopt(struct process_tree *tree, const struct process *process,
                        const struct process *parent)
{
    if (process->node != 0 && parent->node < process->node)
        tree->nodes[process->node].parent = parent->node;
}

void process_tree_note(struct process_tree *tree, const struct process *process, bool failed)
{
    if (process->node == 0)
        return;
    struct node *node = &tree->nodes[process->node];
    memcpy(node->name, process->name, sizeof node->name);
    node->ended = process->ended;
    node->known = process->ending.source != EXIT_UNKNOWN;
    node->failed = failed;
    node->status = process->ending.status;
    node->gone = process->gone;
    node->lines = process->source.lines;
}

/* --- printing --- */

struct printer {
    const struct process_tree *tree;
    FILE *file;
    bool utf8;
    uint64_t now;
    uint32_t *first, *next; /* by node: first child and next sibling; 0: none */
    bool last[DEPTH_MAX];   /* by depth: the node has no further sibling */
};

static void print_ending(const struct printer *printer, const struct node *node)
{
    if (!node->ended)
        fputs("running", printer->file);
    else if (!node->known)
        fputs("vanished", printer->file);
    else if (WIFSIGNALED(node->status))
        fputs(signal_name(WTERMSIG(node->status)), printer->file);
    else
        fprintf(printer->file, "%d", WEXITSTATUS(node->status));
}

static void print_node(const struct printer *printer, const struct node *node, unsigned int depth)
{
    for (unsigned int i = 1; i < depth && i < DEPTH_MAX; i++)
        fputs(printer->last[i] ? "   " : printer->utf8 ? "\u2502  " : "|  ", printer->file);
    if (depth > 0 && depth < DEPTH_MAX && printer->last[depth])
        fputs(printer->utf8 ? "\u2514\u2500 " : "`- ", printer->file);
    else if (depth > 0)
        fputs(printer->utf8 ? "\u251c\u2500 " : "|- ", printer->file);
    fprintf(printer->file, "%s[%d] ", node->name, node->pid);
    print_ending(printer, node);
    fprintf(printer->file, "  %.3f s",
            (double)((node->ended ? node->gone : printer->now) - node->begun) / (double)NS_PER_S);
    if (node->lines > 0)
        fprintf(printer->file, "  %llu line%s", (unsigned long long)node->lines,
                plural(node->lines));
    fputs(node->failed ? "  <- failed\n" : "\n", printer->file);
}

/* Prints a process and its descendants, depth first. This is not recursive, because a chain of
 * children may be as long as the tree has nodes. */
static void print_all(struct printer *printer, uint32_t root)
{
    const struct node *nodes = printer->tree->nodes;
    uint32_t at = root;
    unsigned int depth = 0;
    while (at != 0) {
        if (depth < DEPTH_MAX)
            printer->last[depth] = printer->next[at] == 0;
        print_node(printer, &nodes[at], depth);
        if (printer->first[at] != 0) {
            at = printer->first[at];
            depth++;
            continue;
        }
        while (at != root && printer->next[at] == 0) {
            at = nodes[at].parent;
            depth--;
        }
        at = at == root ? 0 : printer->next[at];
    }
}

void process_tree_print(const struct process_tree *tree, FILE *file, bool utf8, uint64_t now)
{
    struct printer printer = {.tree = tree, .file = file, .utf8 = utf8, .now = now};
    if (tree->count == 0)
        return;
    printer.first = calloc(tree->count, 2 * sizeof *printer.first);
    if (printer.first == NULL)
        return;
    printer.next = printer.first + tree->count;
    for (uint32_t i = tree->count - 1; i > 0; i--) {
        uint32_t parent = tree->nodes[i].parent;
        if (parent == 0)
            continue;
        printer.next[i] = printer.first[parent];
        printer.first[parent] = i;
    }
    for (uint32_t i = 1; i < tree->count; i++)
        if (tree->nodes[i].parent == 0)
            print_all(&printer, i);
    if (tree->left_out > 0)
        fprintf(file, "and %llu more processes\n", (unsigned long long)tree->left_out);
    free(printer.first);
}
