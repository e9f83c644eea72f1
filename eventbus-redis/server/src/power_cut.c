/* Loaded in front of the C library of a Redis server: what is written to the append-only file stays in this process until it is
 * synchronised, as it would stay in the cache of the system and of the disk. Killing the process is then what a power cut is:
 * what was not synchronised is gone, all of it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES 1024

static struct {
    char *data;
    size_t size, room;
} unsynced[FILES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

typedef ssize_t (*write_fn)(int, const void *, size_t);
typedef int (*fd_fn)(int);

static int is_append_only(int fd) {
    char link[64], path[4096];
    if (fd < 0 || fd >= FILES) return 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length < 0) return 0;
    path[length] = '\0';
    return strstr(path, ".incr.aof") != NULL;
}

/* Gives the system what was kept back; 0 if it took all of it. */
static int flush(int fd) {
    write_fn real = (write_fn)dlsym(RTLD_NEXT, "write");
    int failed = 0;
    pthread_mutex_lock(&lock);
    size_t done = 0;
    while (done < unsynced[fd].size) {
        ssize_t count = real(fd, unsynced[fd].data + done, unsynced[fd].size - done);
        if (count <= 0) {
            failed = 1;
            break;
        }
        done += (size_t)count;
    }
    if (done > 0) memmove(unsynced[fd].data, unsynced[fd].data + done, unsynced[fd].size - done);
    unsynced[fd].size -= done;
    pthread_mutex_unlock(&lock);
    return failed;
}

ssize_t write(int fd, const void *data, size_t size) {
    if (!is_append_only(fd)) return ((write_fn)dlsym(RTLD_NEXT, "write"))(fd, data, size);
    pthread_mutex_lock(&lock);
    size_t needed = unsynced[fd].size + size;
    if (needed > unsynced[fd].room) {
        unsynced[fd].room = needed * 2;
        unsynced[fd].data = realloc(unsynced[fd].data, unsynced[fd].room);
        if (unsynced[fd].data == NULL) abort();
    }
    memcpy(unsynced[fd].data + unsynced[fd].size, data, size);
    unsynced[fd].size = needed;
    pthread_mutex_unlock(&lock);
    return (ssize_t)size;
}

static int synchronise(int fd, const char *name) {
    if (is_append_only(fd) && flush(fd)) return -1;
    return ((fd_fn)dlsym(RTLD_NEXT, name))(fd);
}

int fdatasync(int fd) { return synchronise(fd, "fdatasync"); }

int fsync(int fd) { return synchronise(fd, "fsync"); }

int close(int fd) { return synchronise(fd, "close"); }
