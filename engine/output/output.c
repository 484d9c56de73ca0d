/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output.c: the built-in outputs by name. Constant; any thread.
 */
#include "output/output.h"

#include <string.h>

static const struct rf_output_ops *const outputs[] = {&output_files, &output_stdout, &output_jsonl,
                                                      &output_csv, &output_null};

const struct rf_output_ops *output_find(const char *kind, size_t len) {
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        if (strlen(outputs[i]->kind) == len && memcmp(outputs[i]->kind, kind, len) == 0)
            return outputs[i];
    return NULL;
}
