/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_private.h: what tests may reach and nobody else.
 */
#ifndef INPUT_INPUT_PRIVATE_H
#define INPUT_INPUT_PRIVATE_H

#include <stddef.h>

#include "input/input.h"

/* Reads files in blocks of this size. Before the first input_next. */
void input_set_block_bytes(struct input *input, size_t block_bytes);
/* Bytes the read buffer holds memory for. */
size_t input_buffer_bytes(const struct input *input);

#endif
