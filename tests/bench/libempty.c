/* A preloaded library that does nothing: what the dynamic linker takes for any. */
extern int libempty_is_loaded;
int libempty_is_loaded = 1;
