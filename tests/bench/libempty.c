/* libempty.c: a preloaded library that does nothing. It shows what the dynamic linker needs for any
 * library. */
extern int libempty_is_loaded;
int libempty_is_loaded = 1;
