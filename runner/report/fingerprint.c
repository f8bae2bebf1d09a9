/* fingerprint.c: see fingerprint.h. */
#define _GNU_SOURCE
#include "runner/report/fingerprint.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "runner/kernel/signal_names.h"
#include "runner/report/stack.h"

enum { LINE_USED = 200 };

uint64_t fingerprint_number(const char *basis)
{
    uint64_t sum = 14695981039346656037ull ^ FINGERPRINT_VERSION;
    for (const char *c = basis; *c != '\0'; c++)
        sum = (sum ^ (uint8_t)*c) * 1099511628211ull;
    return sum;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Returns the end of the decimal or hexadecimal number at `from`; `from` if there is none. */
static const char *after_number(const char *from)
{
    const char *at = from;
    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X') && isxdigit((unsigned char)at[2])) {
        for (at += 2; isxdigit((unsigned char)*at); at++)
            ;
        return at;
    }
    while (isdigit((unsigned char)*at))
        at++;
    return at;
}

/* Returns the end of a word of at least 6 hexadecimal digits, at least one of them decimal, because
 * such a word is an address, a hash or an identifier. Else returns `from`. */
static const char *after_hexadecimal(const char *from)
{
    const char *at = from;
    bool digits = false;
    for (; isxdigit((unsigned char)*at); at++)
        digits |= isdigit((unsigned char)*at) != 0;
    return digits && at - from >= 6 && !is_word(*at) ? at : from;
}

/* Returns the byte after the last '/' of the path at `from`; `from` if there is none. */
static const char *after_directories(const char *from)
{
    const char *last = from;
    for (const char *at = from;
         *at == '/' || *at == '.' || *at == '-' || *at == '+' || is_word(*at); at++)
        if (*at == '/')
            last = at + 1;
    return last;
}

void fingerprint_mask(char *line)
{
    char *to = line;
    const char *from = line;
    bool letters = false;
    for (const char *c = line; *c != '\0'; c++)
        letters |= isalpha((unsigned char)*c) != 0 || (unsigned char)*c >= 0x80;
    while (letters && *from != '\0') {
        bool word_begins = from == line || !is_word(from[-1]);
        const char *end = after_number(from);
        if (end == from && word_begins)
            end = after_hexadecimal(from);
        if (end != from) {
            *to++ = '#';
            from = end;
            continue;
        }
        if (*from == '/' && word_begins && (end = after_directories(from)) != from + 1) {
            from = end;
            continue;
        }
        *to++ = *from++;
    }
    if (letters)
        *to = '\0';
}

/* Copies the last line of stderr that is not blank, and masks it. */
static void last_line(const struct tail *tail, char *line, size_t size)
{
    size_t length = tail->length;
    line[0] = '\0';
    while (length > 0 && isspace((unsigned char)tail->text[length - 1]))
        length--;
    if (length == 0)
        return;
    const char *newline = memrchr(tail->text, '\n', length);
    const char *from = newline != NULL ? newline + 1 : tail->text;
    length -= (size_t)(from - tail->text);
    if (length >= size)
        length = size - 1;
    memcpy(line, from, length);
    line[length] = '\0';
    for (char *c = line; *c != '\0'; c++)
        if (*c == '\t' || *c == '\r')
            *c = ' ';
    fingerprint_mask(line);
}

/* Describes a function by its name, else by its first byte in the file, else by the pc. */
static int describe_frame(char *text, size_t size, const struct symbol *frame)
{
    char function[SYMBOL_FUNCTION_SIZE];
    stack_plain_name(frame, function);
    if (function[0] != '\0')
        return snprintf(text, size, "|%s!%s", frame->module, function);
    /* We use the low 12 bits, because address space randomisation changes only the others. */
    if (frame->module[0] == '\0')
        return snprintf(text, size, "|?%03llx", (unsigned long long)(frame->vaddr & 0xfff));
    return snprintf(
        text, size, "|%s!0x%llx", frame->module,
        (unsigned long long)(frame->function_start != 0 ? frame->function_start : frame->vaddr));
}

static void basis_of_frames(char *text, size_t size, const struct symbol *frames, size_t n)
{
    size_t culprit = stack_culprit(frames, n);
    if (culprit == n)
        culprit = 0;
    int length = culprit > 0 ? describe_frame(text, size, &frames[culprit - 1]) : 0;
    if (length >= 0 && (size_t)length < size)
        describe_frame(text + length, size - (size_t)length, &frames[culprit]);
}

void fingerprint_basis(char basis[BASIS_SIZE], const struct process *process,
                       const struct symbol *frames, size_t n)
{
    const struct ending *ending = &process->ending;
    char line[LINE_USED];
    char how[64];
    bool killed = ending->source != EXIT_UNKNOWN && WIFSIGNALED(ending->status);
    if (ending->source == EXIT_UNKNOWN)
        snprintf(how, sizeof how, "vanished");
    else if (killed)
        snprintf(how, sizeof how, "%s", signal_name(WTERMSIG(ending->status)));
    else
        snprintf(how, sizeof how, "%d", WEXITSTATUS(ending->status));
    int length = snprintf(basis, BASIS_SIZE, "%s|%s", process->name, how);
    if (n > 0) {
        basis_of_frames(basis + length, BASIS_SIZE - (size_t)length, frames, n);
        return;
    }
    const struct signal_sender *sender;
    if (killed && exit_status_sender(ending, &sender) != 0) {
        snprintf(basis + length, BASIS_SIZE - (size_t)length, "|by %s",
                 sender != NULL ? sender->name : "");
        return;
    }
    if (ending->oom_kills > 0) {
        snprintf(basis + length, BASIS_SIZE - (size_t)length, "|out of memory");
        return;
    }
    if (killed && !signal_is_fault(WTERMSIG(ending->status)))
        return; /* the process was killed from outside, so its last line does not tell the reason */
    last_line(&process->source.tail[SSCAP_ERR], line, sizeof line);
    snprintf(basis + length, BASIS_SIZE - (size_t)length, "|%s", line);
}
