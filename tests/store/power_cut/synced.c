/* Preloaded into a process: keeps beside each file what a power cut would leave of it.
 *
 * After each fsync or fdatasync that succeeded, the synced file is copied to the directory that SYNCED_COPY names.
 * What was written but not synced is not in the copy: the worst that POSIX allows. A copy replaces the last one by
 * rename, so at any instant the directory holds each file as it was last synced. A file that was removed stays until
 * its directory is synced.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Threads sync at the same time. */
static pthread_mutex_t one_copy = PTHREAD_MUTEX_INITIALIZER;

static void forget_removed(const char *folder, const char *copies)
{
    char live[PATH_MAX], kept[PATH_MAX];
    DIR *listing = opendir(copies);
    struct dirent *entry;

    if (listing == NULL)
        _exit(94);
    while ((entry = readdir(listing)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(live, sizeof live, "%s/%s", folder, entry->d_name) >= (int)sizeof live
            || snprintf(kept, sizeof kept, "%s/%s", copies, entry->d_name) >= (int)sizeof kept)
            _exit(95);
        if (access(live, F_OK) != 0)
            unlink(kept);
    }
    closedir(listing);
}

static void keep(int fd)
{
    const char *copies = getenv("SYNCED_COPY");
    char link[64], path[PATH_MAX], kept[PATH_MAX], part[PATH_MAX];
    static char block[1 << 16];
    struct stat file;
    ssize_t length;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (copies == NULL || length <= 0 || fstat(fd, &file) != 0)
        return;
    path[length] = 0;
    if (S_ISDIR(file.st_mode))
        forget_removed(path, copies);
    if (!S_ISREG(file.st_mode))
        return;
    const char *name = strrchr(path, '/') + 1;
    if (snprintf(kept, sizeof kept, "%s/%s", copies, name) >= (int)sizeof kept
        || snprintf(part, sizeof part, "%s/%s.part", copies, name) >= (int)sizeof part)
        _exit(90);
    int in = open(path, O_RDONLY), out = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0 || out < 0)
        _exit(91);
    while ((length = read(in, block, sizeof block)) > 0)
        if (write(out, block, length) != length)
            _exit(92);
    close(in);
    close(out);
    if (rename(part, kept) != 0)
        _exit(93);
}

static void keep_alone(int fd)
{
    pthread_mutex_lock(&one_copy);
    keep(fd);
    pthread_mutex_unlock(&one_copy);
}

int fsync(int fd)
{
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    int result = real(fd);
    if (result == 0)
        keep_alone(fd);
    return result;
}

int fdatasync(int fd)
{
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    int result = real(fd);
    if (result == 0)
        keep_alone(fd);
    return result;
}
