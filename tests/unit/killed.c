/* killed.c: tests that the runner may be killed at any instruction. A child does the runner's work,
 * from received bytes to bytes written to a regular file, in single steps. After each step we copy
 * its shared memory and pass the bytes on as the guardian does. Each byte must arrive exactly
 * once. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/failover/relay.h"
#include "runner/handover/handover.h"
#include "tests/unit/check.h"

enum {
    SHARED_SIZE = 8 << 20,
    RING_SIZE = 4096,
    LINE_MAX_BYTES = 40,
    LINES_MAX = 3,
    STEPPED_ALLOC_MAX = 65536,
    TEXT_MAX = 1024
};

/* With the sanitizer a fork costs ten times as much, and there are more instructions. */
#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 19 };
#else
enum { STRIDE = 3 }; /* a prime, so that each turn of a loop is tested at another instruction */
#endif

/* The chunks as they are received. */
static const char *const chunks[] = {
    "one\ntwo\nthree\nfour\n",
    "beginning",
    " of a line",
    " and its end\nand",
    " more\nfive\nsix\n",
    "a line that is longer than forty characters is split, if not more often\nseven\n",
    "0123456789012345678901234567890123456789\nunfinished",
};
enum { CHUNKS = sizeof chunks / sizeof chunks[0] };

struct world {
    struct shared_state state;
    size_t given; /* chunks that have been received */
};

static void receive(struct world *world, const char *chunk)
{
    struct stream *stream = &world->state.intake.streams[SSCAP_OUT];
    lines_new_chunk(&world->state.lines, SSCAP_OUT);
    HANDOVER_SET(stream->message.msg_len, 0);
    HANDOVER_SET(stream->from, 0);
    memcpy(stream->chunk, chunk, strlen(chunk));
    HANDOVER_SET(stream->message.msg_len, (unsigned int)strlen(chunk));
    HANDOVER_SET(world->given, world->given + 1);
}

static bool make_room(void *context)
{
    return sink_pump(context, false);
}

static void run(struct world *world, struct source *source)
{
    const struct writer who = {.pid = 100, .tid = 100, .stream = SSCAP_OUT};
    struct stream *stream = &world->state.intake.streams[SSCAP_OUT];
    for (size_t i = 0; i < CHUNKS; i++) {
        receive(world, chunks[i]);
        while (!lines_feed(&world->state.lines, source, &who, stream->chunk, &stream->from,
                           strlen(chunks[i])))
            sink_pump(&world->state.outputs.sinks[0], false);
        if (i % 2 == 0)
            sink_pump(&world->state.outputs.sinks[0], true);
    }
}

static struct world *make_world(int file)
{
    static const struct sink_observer observer;
    static struct tag tag;
    static struct loop *loop;
    CHECK(shared_memory_init(SHARED_SIZE) == 0 && loop_init(&loop) == 0);
    struct world *world = shared_memory_alloc(sizeof *world);
    CHECK(world != NULL);
    struct outputs *outputs = &world->state.outputs;
    outputs->buffer_count = outputs->sink_count = 1;
    CHECK(buffer_init(&outputs->buffers[0], RING_SIZE, LINES_MAX, false) == 0);
    outputs->buffers[0].make_room = make_room;
    outputs->buffers[0].context = &outputs->sinks[0];
    CHECK(sink_init(&outputs->sinks[0], &observer, loop, &outputs->buffers[0], &tag, file,
                    1u << SSCAP_OUT, true) == 0);
    lines_init(&world->state.lines, &outputs->buffers[0], &outputs->buffers[0], LINE_MAX_BYTES,
               RING_SIZE * 4);
    world->state.intake.streams[SSCAP_OUT].chunk = shared_memory_alloc(INTAKE_CHUNK_SIZE);
    return world;
}

/* Replaces the used part of the shared memory with a private copy of its present content. */
static void detach(struct world *world)
{
    size_t used = (size_t)((char *)shared_memory_alloc(1) - (char *)world) + STEPPED_ALLOC_MAX;
    char *copy = malloc(used);
    CHECK(copy != NULL);
    memcpy(copy, world, used);
    CHECK(mmap(world, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
               -1, 0) == world);
    memcpy(world, copy, used);
    free(copy);
}

static void check_output(int file, size_t given)
{
    char expected[TEXT_MAX] = "";
    char text[TEXT_MAX];
    size_t length = 0;
    ssize_t n = pread(file, text, sizeof text - 1, 0);
    CHECK(n >= 0);
    text[n] = '\0';
    for (size_t i = 0; i < given; i++)
        length += (size_t)snprintf(expected + length, sizeof expected - length, "%s", chunks[i]);
    /* The child may have received one chunk more than it has counted. */
    if (given < CHUNKS && strlen(text) > strlen(expected))
        snprintf(expected + length, sizeof expected - length, "%s", chunks[given]);
    if (strcmp(expected, text) != 0)
        fprintf(stderr, "--- expected\n%s\n--- got\n%s\n", expected, text);
    CHECK(strcmp(expected, text) == 0);
}

/* Does the guardian's work, in a process of its own. */
static _Noreturn void outlive(struct world *world, int file)
{
    struct channels channels = {.stream = {-1, -1}};
    char text[TEXT_MAX];
    int copy = memfd_create("copy", 0);
    ssize_t n = pread(file, text, sizeof text, 0);
    CHECK(copy >= 0 && n >= 0 && write(copy, text, (size_t)n) == n);
    CHECK(lseek(copy, lseek(file, 0, SEEK_CUR), SEEK_SET) >= 0 && dup2(copy, STDOUT_FILENO) >= 0);
    detach(world);
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && close(pair[1]) == 0);
    channels.stream[SSCAP_OUT] = pair[0];
    relay_prepare(&world->state);
    relay_run(&channels, &world->state, 1u << SSCAP_OUT, true, 0);
    check_output(copy, world->given);
    _exit(0);
}

static void survive(struct world *world, int file)
{
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        outlive(world, file);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
    static struct source source;
    int status;
    int file = memfd_create("output", 0);
    CHECK(file >= 0);
    struct world *world = make_world(file);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(77);
        raise(SIGSTOP);
        run(world, &source);
        _exit(0);
    }
    unsigned int steps = 0;
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        if (world->given > 0 && steps % STRIDE == 0)
            survive(world, file);
        steps++;
        CHECK(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0);
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    printf("%u steps\n", steps);
    return 0;
}
