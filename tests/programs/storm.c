/* storm.c: many processes and threads write lines at once. check_storm.py checks the lines.
 *
 *   storm[PID/TID]: IDX.STREAM.SEQ LENGTH PAYLOAD CRC
 *
 * IDX numbers the writers of the whole run, because pids are reused. SEQ numbers the lines of one
 * writer on one stream. LENGTH is the length of the whole line without its newline. CRC is the
 * check sum of all before it. The stream of lines is cut at random into pieces, regardless of where
 * lines end, and each piece is one write(2).
 *
 *   -p N     processes (1)
 *   -t N     threads in each; the main thread is one of them (1)
 *   -l N     lines of each writer (1)
 *   -w A:B   length of a line, random between (40:120)
 *   -m A:B   bytes of a piece (1:200)
 *   -d US    sometimes a pause of at most so many microseconds (0)
 *   -a N     at most N processes at once (all)
 *   -e       half of the lines go to stderr
 *   -b       any byte except newline in PAYLOAD
 *   -s N     seed (1)
 *   -f       by fwrite and fflush in place of write
 *   -k MS    write without end, and kill each process at a random moment within MS milliseconds
 *   -r FILE  report: "PID TID IDX OUT_BEGUN OUT_ACCEPTED ERR_BEGUN ERR_ACCEPTED" for each writer */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
    unsigned processes, threads, lines, line_min, line_max, piece_min, piece_max, delay, alive,
        streams, kill_ms, seed;
    int binary, stdio;
    const char *report;
} opt = {1, 1, 1, 40, 120, 1, 200, 0, 0, 1, 0, 1, 0, 0, NULL};

/* Shared with the parent, so that it survives a SIGKILL. `begun` is counted before each write and
 * `accepted` after it. The number of bytes that arrived must be between the two. */
struct account {
    int pid, tid;
    struct {
        uint64_t begun, accepted;
    } stream[2];
};
static struct account *accounts;

struct writer {
    unsigned idx;
    uint64_t random;
    struct account *account;
    struct {
        char *line;
        size_t length, sent;
        unsigned seq;
    } stream[2];
};

static uint32_t crc_table[256];

static void crc_init(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320 ^ (c >> 1) : c >> 1;
        crc_table[i] = c;
    }
}

static uint32_t crc(const char *bytes, size_t n)
{
    uint32_t c = 0xffffffff;
    while (n--)
        c = crc_table[(c ^ (uint8_t)*bytes++) & 0xff] ^ (c >> 8);
    return c ^ 0xffffffff;
}

static uint64_t rnd(struct writer *w, uint64_t n)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random % n;
}

static size_t between(struct writer *w, unsigned min, unsigned max)
{
    return min + rnd(w, max - min + 1);
}

static char payload_byte(struct writer *w)
{
    if (!opt.binary)
        return (char)('a' + rnd(w, 26));
    char c = (char)rnd(w, 256);
    return c == '\n' ? '\0' : c;
}

static void next_line(struct writer *w, int s)
{
    enum { TAIL = 9 }; /* " " and the CRC */
    char *line = w->stream[s].line;
    size_t length = between(w, opt.line_min, opt.line_max);
    size_t at = (size_t)sprintf(line, "storm[%d", w->account->pid);
    if (opt.threads > 1)
        at += (size_t)sprintf(line + at, "/%d", w->account->tid);
    at += (size_t)sprintf(line + at, "]: %u.%d.%u ", w->idx, s + 1, w->stream[s].seq++);
    if (length < at + 12 + TAIL)
        length = at + 12 + TAIL;
    at += (size_t)sprintf(line + at, "%zu ", length);
    while (at < length - TAIL)
        line[at++] = payload_byte(w);
    sprintf(line + at, " %08x\n", crc(line, at));
    w->stream[s].length = length + 1;
    w->stream[s].sent = 0;
}

static void all_of(int fd, const char *bytes, size_t n, struct account *account)
{
    uint64_t *accepted = &account->stream[fd - 1].accepted;
    if (opt.stdio) {
        FILE *file = fd == 1 ? stdout : stderr;
        if (fwrite(bytes, 1, n, file) != n || fflush(file))
            _exit(3);
        __atomic_store_n(accepted, *accepted + n, __ATOMIC_SEQ_CST);
        return;
    }
    while (n) {
        ssize_t k = write(fd, bytes, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            _exit(4);
        __atomic_store_n(accepted, *accepted + (uint64_t)k, __ATOMIC_SEQ_CST);
        bytes += k;
        n -= (size_t)k;
    }
}

static int finished(const struct writer *w, int s)
{
    return !opt.kill_ms && w->stream[s].seq == opt.lines &&
           w->stream[s].sent == w->stream[s].length;
}

/* Writes one piece, which may have parts of several lines. False: the stream has ended. */
static int write_piece(struct writer *w, int s, char *piece)
{
    size_t want = between(w, opt.piece_min, opt.piece_max), have = 0;
    while (have < want && !finished(w, s)) {
        if (w->stream[s].sent == w->stream[s].length)
            next_line(w, s);
        size_t n = w->stream[s].length - w->stream[s].sent;
        if (n > want - have)
            n = want - have;
        memcpy(piece + have, w->stream[s].line + w->stream[s].sent, n);
        w->stream[s].sent += n;
        have += n;
    }
    __atomic_store_n(&w->account->stream[s].begun, w->account->stream[s].begun + have,
                     __ATOMIC_SEQ_CST);
    if (have)
        all_of(s + 1, piece, have, w->account);
    return have > 0;
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    w->account->pid = getpid();
    w->account->tid = (int)syscall(SYS_gettid);
    char *piece = malloc(opt.piece_max);
    for (unsigned s = 0; s < opt.streams; s++)
        w->stream[s].line = malloc(opt.line_max + 128);
    for (unsigned open_streams = (1u << opt.streams) - 1; open_streams;) {
        int s = (int)rnd(w, opt.streams);
        if (!write_piece(w, s, piece))
            open_streams &= ~(1u << s);
        if (opt.delay && rnd(w, 16) == 0) {
            struct timespec pause = {0, (long)(1000 * rnd(w, opt.delay))};
            nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

static void process_main(unsigned number)
{
    pthread_t thread[opt.threads];
    struct writer *writers = calloc(opt.threads, sizeof *writers);
    for (unsigned t = 0; t < opt.threads; t++) {
        unsigned idx = number * opt.threads + t;
        writers[t] = (struct writer){.idx = idx, .account = &accounts[idx]};
        writers[t].random = (opt.seed * 0x9e3779b97f4a7c15u) ^ ((idx + 1) * 0xbf58476d1ce4e5b9u);
        if (t && pthread_create(&thread[t], NULL, writer_main, &writers[t]))
            _exit(5);
    }
    writer_main(&writers[0]);
    for (unsigned t = 1; t < opt.threads; t++)
        pthread_join(thread[t], NULL);
    _exit(0);
}

/* Writers must not be killed before their account has their pid. */
static void wait_until_begun(unsigned number)
{
    for (unsigned t = 0; t < opt.threads; t++) {
        struct account *account = &accounts[number * opt.threads + t];
        while (!__atomic_load_n(&account->stream[0].begun, __ATOMIC_SEQ_CST))
            usleep(1000);
    }
}

static void kill_all(pid_t *pids)
{
    struct writer dice = {.random = opt.seed * 2654435761u + 1};
    for (unsigned i = 0; i < opt.processes; i++)
        wait_until_begun(i);
    for (unsigned left = opt.processes; left; left--) {
        usleep((useconds_t)rnd(&dice, 1 + 2000 * opt.kill_ms / opt.processes));
        unsigned victim = (unsigned)rnd(&dice, left);
        kill(pids[victim], SIGKILL);
        pids[victim] = pids[left - 1];
    }
}

static int reap_one(void)
{
    int status;
    while (wait(&status) < 0)
        if (errno != EINTR)
            return 1;
    return opt.kill_ms ? !WIFSIGNALED(status) : status != 0;
}

static void write_report(void)
{
    FILE *file = fopen(opt.report, "w");
    for (unsigned i = 0; file && i < opt.processes * opt.threads; i++)
        fprintf(file, "%d %d %u %ju %ju %ju %ju\n", accounts[i].pid, accounts[i].tid, i,
                (uintmax_t)accounts[i].stream[0].begun, (uintmax_t)accounts[i].stream[0].accepted,
                (uintmax_t)accounts[i].stream[1].begun, (uintmax_t)accounts[i].stream[1].accepted);
    if (!file || fclose(file))
        perror(opt.report);
}

static void range(const char *text, unsigned *min, unsigned *max)
{
    char *end;
    *min = *max = (unsigned)strtoul(text, &end, 10);
    if (*end == ':')
        *max = (unsigned)strtoul(end + 1, NULL, 10);
}

static void options(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "p:t:l:w:m:d:a:ebs:fk:r:")) != -1;) {
        switch (c) {
        case 'p':
            opt.processes = (unsigned)atoi(optarg);
            break;
        case 't':
            opt.threads = (unsigned)atoi(optarg);
            break;
        case 'l':
            opt.lines = (unsigned)atoi(optarg);
            break;
        case 'w':
            range(optarg, &opt.line_min, &opt.line_max);
            break;
        case 'm':
            range(optarg, &opt.piece_min, &opt.piece_max);
            break;
        case 'd':
            opt.delay = (unsigned)atoi(optarg);
            break;
        case 'a':
            opt.alive = (unsigned)atoi(optarg);
            break;
        case 'e':
            opt.streams = 2;
            break;
        case 'b':
            opt.binary = 1;
            break;
        case 's':
            opt.seed = (unsigned)atoi(optarg);
            break;
        case 'f':
            opt.stdio = 1;
            break;
        case 'k':
            opt.kill_ms = (unsigned)atoi(optarg);
            break;
        case 'r':
            opt.report = optarg;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    options(argc, argv);
    crc_init();
    size_t size = (size_t)opt.processes * opt.threads * sizeof *accounts;
    accounts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t *pids = calloc(opt.processes, sizeof *pids);
    if (accounts == MAP_FAILED || !pids)
        return 1;
    int bad = 0;
    unsigned alive = 0;
    for (unsigned i = 0; i < opt.processes; i++) {
        if (opt.alive && alive == opt.alive) {
            bad |= reap_one();
            alive--;
        }
        pids[i] = fork();
        if (pids[i] < 0) {
            perror("fork");
            return 1;
        }
        if (pids[i] == 0)
            process_main(i);
        alive++;
    }
    if (opt.kill_ms)
        kill_all(pids);
    while (alive--)
        bad |= reap_one();
    if (opt.report)
        write_report();
    return bad;
}
