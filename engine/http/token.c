/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * token.c: the table of token bytes and the two checks for text that a user gave us. Constant data; any thread. It is a
 * table and not a chain of comparisons because the parser of heads asks it for every byte of every field name.
 */
#include "http/token.h"

/* tchar of RFC 9110, 5.6.2: letters, digits and fifteen marks. */
const uint8_t token_bytes[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

bool token_is_valid(struct span text) {
    const uint8_t *end = text.at + text.len;
    return text.len > 0 && token_stop(text.at, end) == end;
}

bool value_is_valid(struct span value) {
    for (size_t i = 0; i < value.len; i++)
        if ((value.at[i] < 0x20 && value.at[i] != '\t') || value.at[i] == 0x7f)
            return false;
    return true;
}
