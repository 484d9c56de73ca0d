/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * file_component.h: one component of a file's name, made safe and kept within 255 bytes (file_name.h says what safe
 * means). Pure; any thread.
 */
#ifndef OUTPUT_FILE_COMPONENT_H
#define OUTPUT_FILE_COMPONENT_H

#include <stddef.h>
#include <stdint.h>

/* Copies `len` bytes to `out` with every unsafe byte replaced; returns the length, which never grows. */
size_t component_clean(char *out, const char *at, size_t len);

/* What is left to do when a component is complete: its end, reserved names, its length. Writes at most
 * FILE_NAME_BYTES_MAX bytes and no NUL; returns the length, at least 1. */
size_t component_finish(char *out, const char *at, size_t len);

/* Copies a name, cut to `limit` bytes where it is longer: extension kept, a hash of the whole before it, no character cut in
 * two. Returns the length. `limit` is at least 32. */
size_t component_shorten(char *out, const char *at, size_t len, size_t limit);

#endif
