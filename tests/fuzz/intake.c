/* intake.c: fuzzes the captured streams, ctl and the report. Nothing may crash, and no byte may be
 * lost that was not part of a frame. The input is a list of (command, length, bytes). The fuzzer
 * knows the nonce, as a hostile program may. */
#include "runner/capture/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/handover/shared_memory.h"
#include "runner/report/error_groups.h"
#include "runner/report/process_tree.h"
#include "runner/report/report.h"
#include "runner/symbols/symbols.h"
#include "runner/util.h"

enum { STREAM_ROOM = 1 << 20 };

static const uint8_t nonce[SSCAP_NONCE_SIZE] = "0123456789abcdef";

static struct intake intake;
static struct ctl ctl;
static struct processes processes;
static struct lines lines;
static struct buffer buffer;
static struct cursor cursor;
static struct error_groups errors;
static struct process_tree tree;
static struct options options = {.errors_mode = ERRORS_EXIT, .verbose = true};

static void dead(void *context)
{
    (void)context;
    ctl_drain(&ctl);
}

static void ended(void *context, struct process *process)
{
    (void)context;
    for (int i = 0; i < SSCAP_STREAMS; i++)
        process->end_position[i] = intake_written(&intake, (enum sscap_stream)i);
}

static bool drained(void *context, struct process *process)
{
    (void)context;
    return lines_end(&lines, &process->source);
}

static void released(void *context, struct process *process)
{
    (void)context;
    lines_release(&lines, &process->source);
}

static void began(void *context, struct process *process)
{
    (void)context;
    process_tree_begin(&tree, process);
}

static void adopted(void *context, struct process *process, const struct process *parent)
{
    (void)context;
    process_tree_adopt(&tree, process, parent);
}

static void started(void *context, struct process *process)
{
    (void)context;
    (void)process;
}

static bool closed(void *context, struct process *process)
{
    (void)context;
    if (!error_groups_take(&errors, process))
        return false;
    process_tree_note(&tree, process, false);
    return true;
}

static bool read_records(void *context)
{
    (void)context;
    const struct record *record;
    bool any = false;
    for (; (record = buffer_peek(&buffer, &cursor)) != NULL; any = true) {
        if (record->who.stream >= SSCAP_STREAMS || record->who.end > LINE_PLACE ||
            (record->who.end == LINE_PLACE && error_groups_of_record(&errors, record) == NULL) ||
            memchr(record->who.name, 0, sizeof record->who.name) == NULL)
            abort();
        buffer_advance(&buffer, &cursor);
    }
    return any;
}

static void pair(int type, int fds[2])
{
    int on = 1;
    int room = STREAM_ROOM;
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        abort();
    setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

static void send_frame(int fd, const uint8_t *bytes, size_t n, uint8_t type)
{
    struct sscap_frame frame = {
        .lead = SSCAP_FRAME_LEAD, .type = type, .version = SSCAP_WIRE_VERSION};
    memcpy(frame.nonce, nonce, sizeof nonce);
    if (n >= 8)
        memcpy(&frame.length, bytes, 8); /* any length and tid */
    else
        frame.length = (uint32_t)n;
    if (send(fd, &frame, sizeof frame, 0) > 0 && n > 0)
        (void)!send(fd, bytes, n, 0);
}

/* Sends an event: a flag byte, a type, a byte that chooses `other`, and the bytes after the header.
 * In a stream it is in a frame. */
static void send_event(int fd, const uint8_t *bytes, size_t n, bool framed)
{
    struct {
        struct sscap_frame frame;
        struct sscap_event head;
        uint8_t rest[512];
    } message = {.frame = {.lead = SSCAP_FRAME_LEAD,
                           .type = SSCAP_FRAME_EVENT,
                           .version = SSCAP_WIRE_VERSION},
                 .head = {.version = SSCAP_WIRE_VERSION, .pid = getpid()}};
    size_t rest = n > 3 ? n - 3 : 0;
    uint8_t flags = n > 0 ? bytes[0] : 0;
    message.head.type = n > 1 ? bytes[1] % 12 : 0;
    message.head.other = n > 2 ? (bytes[2] & 1 ? getpid() : bytes[2] + (1 << 22) - 200) : 0;
    if (flags & 1 && rest >= 16)
        memcpy(message.head.name, bytes + 3, 16);
    if (rest > 0)
        memcpy(message.rest, bytes + 3, rest);
    memcpy(message.head.nonce, nonce, sizeof nonce);
    size_t size = sizeof message.head + rest;
    message.head.length = (uint32_t)(flags & 2 ? size + flags : size);
    message.frame.length = (uint32_t)size;
    memcpy(message.frame.nonce, nonce, sizeof nonce);
    if (framed)
        (void)!send(fd, &message, sizeof message.frame + size, 0);
    else
        (void)!send(fd, &message.head, size, 0);
}

static void turn(void *context, bool idle)
{
    (void)idle;
    processes_settle(&processes, (const uint64_t[]){intake_position(&intake, SSCAP_OUT),
                                                    intake_position(&intake, SSCAP_ERR)});
    read_records(NULL);
    intake_resume(&intake);
    if (!intake_open(&intake))
        loop_stop(context);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    int out[2], err[2], sent[2], named[2];
    struct loop *loop;
    static struct buffer empty_buffer;
    if (!made &&
        (shared_memory_init(64 << 20) < 0 || buffer_init(&empty_buffer, 65536, 50, false) < 0))
        abort();
    made = true;
    pair(SOCK_STREAM, out);
    pair(SOCK_STREAM, err);
    pair(SOCK_SEQPACKET, sent);
    pair(SOCK_SEQPACKET,
         named); /* replaces the listener; accept fails on it, which is also a bad input */
    if (loop_init(&loop) < 0)
        abort();
    buffer = empty_buffer;
    buffer.make_room = read_records;
    buffer_add_cursor(&buffer, &cursor, 3);
    lines_init(&lines, &buffer, &buffer, 1000, 65536);
    static const struct process_observer observer = {
        .began = began,
        .adopted = adopted,
        .started = started,
        .dead = dead,
        .ended = ended,
        .drained = drained,
        .closed = closed,
        .released = released,
    };
    if (processes_init(&processes, loop, &observer) < 0)
        abort();
    struct symbols *symbols = symbols_new();
    if (symbols == NULL)
        abort();
    error_groups_init(&errors, &options, symbols, &buffer, &lines.tails);
    errors.stream = SSCAP_ERR;
    process_tree_init(&tree, true);
    processes.arguments = true;
    processes.self = 1; /* we write in place of the tree's processes */
    if (ctl_init(&ctl, loop, &processes, sent[0], named[0], nonce) < 0 ||
        intake_init(&intake, loop, &ctl, &processes, &lines, (const int[]){out[0], err[0]}, nonce) <
            0)
        abort();
    while (size >= 2) {
        size_t n = data[1] < size - 2 ? data[1] : size - 2;
        int stream = data[0] & 0x80 ? out[1] : err[1];
        if ((data[0] & 3) == 0)
            send_event(sent[1], data + 2, n, false);
        else if ((data[0] & 3) == 1)
            send_frame(stream, data + 2, n, data[0] >> 2 & 3);
        else if ((data[0] & 7) == 7)
            send_event(stream, data + 2, n, true);
        else if (n > 0)
            (void)!send(stream, data + 2, n, 0);
        data += 2 + n;
        size -= 2 + n;
    }
    close(out[1]);
    close(err[1]);
    close(sent[1]);
    close(named[1]);
    loop_on_turn(loop, turn, loop);
    if (loop_run(loop) < 0)
        abort();
    for (struct process *process = processes_first(&processes.live); process != NULL;
         process = processes_next(process))
        while (!lines_end(&lines, &process->source))
            read_records(NULL);
    read_records(NULL);
    processes_close_ended(&processes);
    const struct totals totals = {.processes = processes.count, .now = now_ns()};
    size_t length;
    free(report_format(&errors, &tree, &totals, true, &length));
    intake_clear(&intake);
    processes_clear(&processes);
    error_groups_clear(&errors);
    process_tree_clear(&tree);
    symbols_free(symbols);
    close(sent[0]);
    close(named[0]);
    loop_free(loop);
    return 0;
}
