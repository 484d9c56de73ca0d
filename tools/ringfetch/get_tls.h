/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * get_tls.h: the values of get's options for https, checked as far as that needs no TLS library: files are there, names
 * and pins are well-formed. What a file holds is the engine's to judge. Main thread.
 */
#ifndef TOOLS_GET_TLS_H
#define TOOLS_GET_TLS_H

#include "options.h"

/* const char *: a file, or a directory, that can be read. It is not opened: it may be a pipe (--cacert <(...)), which can be
 * read only once. */
option_take_fn tls_take_file;
option_take_fn tls_take_directory;

/* const char *: as tls_take_file. curl's FILE:PASSWORD is refused, but a file that has a colon in its name and exists is
 * that file. The value may hold a secret, so the row must have OPTION_SECRET. */
option_take_fn tls_take_certificate;

/* enum rf_tls: "1.2", "1.3", or "default". */
option_take_fn tls_take_version;
/* The same, for flags whose name ends in the version (--tlsv1.3). */
option_take_fn tls_take_named_version;

/* const char *: names separated by colons. */
option_take_fn tls_take_ciphers;

/* const char *: "sha256//BASE64", several separated by ';', or a file. */
option_take_fn tls_take_pin;

#endif
