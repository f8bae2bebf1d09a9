/* session.c: fuzzes the session variable. Any value must be refused or read correctly. An accepted
 * value must be one that the runner could have written. The library's source file is included,
 * because it is not a module of the runner. */
/* Not a module of the runner, so it is not linked. */
#include "shim/core/session.c" /* NOLINT(bugprone-suspicious-include) */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[512] = "";
    /* Computes the check field if the first byte is odd, because a fuzzer rarely finds a right
     * one. */
    bool repair = size > 0 && (data[0] & 1);
    size_t n = size < sizeof value ? size : sizeof value - 1;
    nolibc_copy(value, data, n);
    value[n] = '\0';
    if (repair && n == SSCAP_SESSION_LENGTH + SSCAP_CHECK_LENGTH) {
        value[0] = '0';
        uint32_t check = sscap_check(value, SSCAP_SESSION_LENGTH);
        for (int i = 0; i < 8; i++)
            value[SSCAP_SESSION_LENGTH + 1 + i] = "0123456789abcdef"[check >> (28 - 4 * i) & 15];
    }
    if (!session_read(value))
        return 0;
    const char *stored = nolibc_after_prefix(session.variable, SSCAP_ENV_SESSION "=");
    for (size_t i = 0; i <= SSCAP_SESSION_LENGTH + SSCAP_CHECK_LENGTH; i++)
        if (stored[i] != value[i])
            __builtin_trap();
    if (!session.joined ||
        nolibc_length(session.socket_name) != sizeof SSCAP_SOCKET_PREFIX - 1 + 16)
        __builtin_trap();
    return 0;
}
