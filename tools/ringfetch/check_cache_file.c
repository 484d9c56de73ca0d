/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_cache_file.c: see check_cache_file.h. A file is made under a temporary name beside, allocated in full and locked, and only
 * then gets its name: nobody ever sees half of one. Blocks are allocated before they are mapped, because a full disk would
 * otherwise be a SIGBUS in the middle of a run.
 */
#include "check_cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

_Static_assert(sizeof(struct cache_entry) == 32, "no entry may lie across two sectors");
_Static_assert(sizeof(struct cache_page) == CACHE_PAGE_BYTES, "a page is a page");
_Static_assert(sizeof(struct cache_header) <= CACHE_PAGE_BYTES, "pages begin behind the header");

enum { OPEN_TRIES = 16, BYTE_ORDER_MARK = 0x01020304 };
static const char magic[8] = "rfcache\n";
static const uint64_t pages_max = UINT64_C(1) << 34; /* 64 TiB */

/* Always false, for the caller to return. */
static bool refuse(const char *path, const char *what, char *why, size_t why_size) {
    char shown[512];
    snprintf(why, why_size, "%s: %s", text_escape(shown, sizeof shown, path), what);
    return false;
}

static uint64_t file_bytes(uint64_t page_count) {
    return (page_count + 1) * CACHE_PAGE_BYTES;
}

/* ---- entries ------------------------------------------------------------------------------------ */

uint32_t cache_entry_check(const struct cache_entry *entry) {
    uint64_t rest = (uint64_t)entry->status << 16 | entry->run;
    uint64_t sum = entry->hash.low ^ (entry->hash.high << 17 | entry->hash.high >> 47);
    sum = (sum ^ entry->checked_s << 32 ^ rest) * UINT64_C(0x9E3779B97F4A7C15);
    sum = (sum ^ sum >> 32 ^ entry->checked_s) * UINT64_C(0xD6E8FEB86659FD93);
    return (uint32_t)(sum >> 32) | 1; /* never that of an empty entry */
}

bool cache_entry_is_whole(const struct cache_entry *entry) {
    return entry->check && entry->check == cache_entry_check(entry);
}

bool cache_entry_is_empty(const struct cache_entry *entry) {
    return !(entry->hash.low | entry->hash.high | entry->checked_s | entry->status | entry->run |
             entry->check);
}

struct cache_page *cache_file_page(const struct cache_file *file, struct check_hash hash) {
    return &file->pages[hash.low & (file->page_count - 1)];
}

static uint64_t count_used(const struct cache_file *file) {
    uint64_t used = 0;
    for (uint64_t i = 0; i < file->page_count; i++) {
        for (unsigned k = 0; k < CACHE_PAGE_ENTRIES; k++) {
            used += !cache_entry_is_empty(&file->pages[i].entry[k]);
        }
    }
    return used;
}

/* ---- the header --------------------------------------------------------------------------------- */

static uint64_t header_check(const struct cache_header *header) {
    return check_hash_bytes((struct check_key){{0, 0}}, header,
                            offsetof(struct cache_header, check))
        .low;
}

/* What speaks against a file with this header, or NULL. */
static const char *header_fault(const struct cache_header *header, size_t count, uint64_t bytes) {
    if (count < sizeof *header || memcmp(header->magic, magic, sizeof magic) != 0) {
        return "not a cache of ringfetch check; it is left alone";
    }
    if (header->byte_order != BYTE_ORDER_MARK) {
        return "a cache of a machine with another byte order";
    }
    if (header->version != CACHE_VERSION || header->entry_bytes != sizeof(struct cache_entry) ||
        header->page_bytes != CACHE_PAGE_BYTES) {
        return "a cache of another version of ringfetch; remove it to begin anew";
    }
    bool sane = header->page_count >= CACHE_PAGES_MIN && header->page_count <= pages_max &&
                (header->page_count & (header->page_count - 1)) == 0;
    if (!sane || header->check != header_check(header) || bytes != file_bytes(header->page_count)) {
        return "the cache is damaged; remove it to begin anew";
    }
    return NULL;
}

/* Maps an allocated file; 0 or an errno. */
static int map(struct cache_file *file, int fd, uint64_t page_count) {
    void *at =
        mmap(NULL, (size_t)file_bytes(page_count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        return errno;
    }
    file->fd = fd;
    file->header = at;
    file->pages = (struct cache_page *)((char *)at + CACHE_PAGE_BYTES);
    file->page_count = page_count;
    return 0;
}

static void unmap(struct cache_file *file) {
    munmap(file->header, (size_t)file_bytes(file->page_count));
    close(file->fd); /* and with it goes the lock */
    file->header = NULL;
    file->fd = -1;
}

/* ---- making one --------------------------------------------------------------------------------- */

/* For "PATH" "PATH.PID.new": a run that crashed may have left one of the same name behind. -1: errno. */
static int make_temporary(char *name, mode_t mode) {
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST && unlink(name) == 0) {
        fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    }
    return fd;
}

/* Allocates, locks, maps and writes the header. 0 or an errno; the descriptor stays the caller's if it fails. */
static int prepare_new(struct cache_file *file, int fd, uint64_t page_count, struct check_key key) {
    int fault = posix_fallocate(fd, 0, (off_t)file_bytes(page_count));
    if (fault) {
        return fault;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return errno;
    }
    if ((fault = map(file, fd, page_count)) != 0) {
        return fault;
    }
    struct cache_header *header = file->header;
    memcpy(header->magic, magic, sizeof magic);
    header->version = CACHE_VERSION;
    header->byte_order = BYTE_ORDER_MARK;
    header->page_bytes = CACHE_PAGE_BYTES;
    header->entry_bytes = sizeof(struct cache_entry);
    header->page_count = page_count;
    header->key = key;
    header->check = header_check(header);
    header->is_open = 1;
    return 0;
}

/* Makes an empty file under a temporary name, which the caller frees. 0 or an errno. */
static int make(struct cache_file *file, uint64_t page_count, struct check_key key, mode_t mode,
                char **name) {
    if (asprintf(name, "%s.%ld.new", file->path, (long)getpid()) < 0) {
        *name = NULL;
        return ENOMEM;
    }
    int fd = make_temporary(*name, mode);
    int fault = fd < 0 ? errno : prepare_new(file, fd, page_count, key);
    if (fault && fd >= 0) {
        close(fd);
        unlink(*name);
    }
    return fault;
}

/* A new file gets its name if `over` allows it to take the place of another, or if there is none. 0, EEXIST or another errno. */
static int publish(struct cache_file *file, const char *name, bool over) {
    /* Who finds the file after a power cut shall find a header; pages that did not get there are empty. */
    msync(file->header, CACHE_PAGE_BYTES, MS_SYNC);
    int answer = renameat2(AT_FDCWD, name, AT_FDCWD, file->path, over ? 0 : RENAME_NOREPLACE);
    if (answer != 0 && !over && (errno == EINVAL || errno == ENOSYS)) {
        /* A file system that can't promise that can often link. */
        answer = link(name, file->path);
    }
    int fault = answer == 0 ? 0 : errno;
    if (!over || fault) {
        unlink(name);
    }
    return fault;
}

static int make_first(struct cache_file *file, bool over) {
    char *name;
    int fault = make(file, CACHE_PAGES_MIN, check_key_random(), 0666, &name);
    if (!fault && (fault = publish(file, name, over)) != 0) {
        unmap(file);
    }
    free(name);
    return fault;
}

/* ---- growing ------------------------------------------------------------------------------------ */

/* Puts it into its page, unless that is full: the rest of a crowd that no good hash gathers is forgotten. */
static void copy_entry(struct cache_file *to, const struct cache_entry *entry) {
    struct cache_page *page = cache_file_page(to, entry->hash);
    for (unsigned i = 0; i < CACHE_PAGE_ENTRIES; i++) {
        struct cache_entry *place = &page->entry[(entry->hash.high + i) % CACHE_PAGE_ENTRIES];
        if (cache_entry_is_empty(place)) {
            *place = *entry;
            to->used++;
            return;
        }
    }
}

static bool stays(const struct cache_entry *entry, uint64_t since_s) {
    return cache_entry_is_whole(entry) && entry->checked_s >= since_s;
}

/* Visits what stays; copies it where `to` is given. Returns how many there are. */
static uint64_t each_that_stays(const struct cache_file *file, uint64_t since_s,
                                struct cache_file *to) {
    uint64_t count = 0;
    for (uint64_t i = 0; i < file->page_count; i++) {
        for (unsigned k = 0; k < CACHE_PAGE_ENTRIES; k++) {
            const struct cache_entry *entry = &file->pages[i].entry[k];
            if (stays(entry, since_s)) {
                count++;
                if (to) {
                    copy_entry(to, entry);
                }
            }
        }
    }
    return count;
}

int cache_file_grow(struct cache_file *file, uint64_t since_s) {
    struct cache_file next = {.path = file->path, .fd = -1};
    struct stat status;
    if (fstat(file->fd, &status) != 0) {
        return errno;
    }
    uint64_t room = file->page_count * CACHE_PAGE_ENTRIES;
    bool crowded = each_that_stays(file, since_s, NULL) > room * 3 / 8;
    uint64_t page_count = crowded ? 2 * file->page_count : file->page_count;
    char *name = NULL;
    int fault = page_count > pages_max
                    ? EFBIG
                    : make(&next, page_count, file->header->key, status.st_mode & 0777, &name);
    if (!fault) {
        each_that_stays(file, since_s, &next);
        next.header->run = file->header->run;
        if ((fault = publish(&next, name, true)) != 0) {
            unmap(&next);
        } else {
            unmap(file);
            *file = next;
        }
    }
    free(name);
    return fault;
}

/* ---- opening ------------------------------------------------------------------------------------ */

/* True if the name still belongs to what was opened and locked: a run that grew its file may have replaced it meanwhile. */
static bool is_current(const char *path, const struct stat *opened) {
    struct stat now;
    return stat(path, &now) == 0 && now.st_dev == opened->st_dev && now.st_ino == opened->st_ino;
}

/* A locked file that has something in it. */
static bool take(struct cache_file *file, int fd, uint64_t bytes, char *why, size_t why_size) {
    struct cache_header header = {0};
    ssize_t count = pread(fd, &header, sizeof header, 0);
    const char *fault = count < 0 ? strerror(errno) : header_fault(&header, (size_t)count, bytes);
    if (fault) {
        return refuse(file->path, fault, why, why_size);
    }
    /* A copy may have holes where the original had empty pages. */
    int number = posix_fallocate(fd, 0, (off_t)bytes);
    if (!number) {
        number = map(file, fd, header.page_count);
    }
    if (number) {
        return refuse(file->path, strerror(number), why, why_size);
    }
    file->used = header.is_open ? count_used(file) : header.used;
    file->header->is_open = 1;
    return true;
}

enum opened { OPENED, REFUSED, AGAIN };

static enum opened open_existing(struct cache_file *file, int fd, char *why, size_t why_size) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        refuse(file->path, "not a regular file", why, why_size);
        return REFUSED;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        refuse(file->path,
               errno == EWOULDBLOCK ? "the cache is in use by another run" : strerror(errno), why,
               why_size);
        return REFUSED;
    }
    if (!is_current(file->path, &status)) {
        return AGAIN;
    }
    if (status.st_size == 0) { /* as mktemp leaves it: nothing is lost */
        int fault = make_first(file, true);
        if (fault) {
            refuse(file->path, strerror(fault), why, why_size);
            return REFUSED;
        }
        close(fd);
        return OPENED;
    }
    /* The size may have been read before the lock was had. */
    if (fstat(fd, &status) != 0) {
        return AGAIN;
    }
    return take(file, fd, (uint64_t)status.st_size, why, why_size) ? OPENED : REFUSED;
}

static enum opened open_once(struct cache_file *file, char *why, size_t why_size) {
    int fd = open(file->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
        enum opened opened = open_existing(file, fd, why, why_size);
        if (opened != OPENED) {
            close(fd);
        }
        return opened;
    }
    int fault = errno == ENOENT ? make_first(file, false) : errno;
    if (fault && fault != EEXIST) {
        refuse(file->path, strerror(fault), why, why_size);
    }
    return !fault ? OPENED : fault == EEXIST ? AGAIN : REFUSED;
}

bool cache_file_open(struct cache_file *file, const char *path, char *why, size_t why_size) {
    *file = (struct cache_file){.fd = -1};
    file->path = realpath(path, NULL); /* so that a link goes on to be one */
    if (!file->path) {
        file->path = strdup(path);
    }
    if (!file->path) {
        return refuse(path, "out of memory", why, why_size);
    }
    enum opened opened = AGAIN;
    for (unsigned i = 0; i < OPEN_TRIES && opened == AGAIN; i++) {
        opened = open_once(file, why, why_size);
    }
    if (opened == OPENED) {
        file->header->run++;
        return true;
    }
    if (opened == AGAIN) {
        refuse(path, "the cache is in use by another run", why, why_size);
    }
    free(file->path);
    file->path = NULL;
    return false;
}

void cache_file_close(struct cache_file *file) {
    file->header->used = file->used;
    file->header->is_open = 0;
    unmap(file);
    free(file->path);
    file->path = NULL;
}
