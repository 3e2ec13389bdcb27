/* A disk that fails: preloaded into a process, it makes writes to some of its files fail.

   The file that FAILING_DISK names says how, as long as it is there. "eio": nothing is written.
   "short": half of it is written, and nothing of the rest, as when a disk becomes full.
   It concerns files whose names contain FAILING_FILES. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the last short write of this thread ended: what follows there is not written. */
static __thread off64_t cut = -1;

static char mode(int fd) {
    const char *control = getenv("FAILING_DISK"), *files = getenv("FAILING_FILES");
    char link[64], name[4096];
    char how = 0;
    int before = errno;
    if (control == NULL || files == NULL) return 0;
    int file = syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, &how, 1) != 1) how = 0;
        close(file);
    }
    if (how != 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, name, sizeof name - 1);
        name[length < 0 ? 0 : length] = 0;
        if (strstr(name, files) == NULL) how = 0;
    }
    errno = before;
    return how;
}

static ssize_t put(int fd, const void *data, size_t size, off64_t at) {
    return syscall(SYS_pwrite64, fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    switch (mode(fd)) {
    case 'e':
        errno = EIO;
        return -1;
    case 's':
        if (at == cut || size < 2) return 0;
        cut = at + size / 2;
        return put(fd, data, size / 2, at);
    default:
        return put(fd, data, size, at);
    }
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

static int synced(int fd, long call) {
    if (mode(fd) == 'e') {
        errno = EIO;
        return -1;
    }
    return syscall(call, fd);
}

int fsync(int fd) { return synced(fd, SYS_fsync); }

int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }
