/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * err_kinds.h: the table of errors. X(ID, name in records, whose fault, can a retry help, meaning).
 */
#ifndef BASE_ERR_KINDS_H
#define BASE_ERR_KINDS_H

#define ERR_STAGES(X)                                                                              \
    X(NONE, "")                                                                                    \
    X(INPUT, "input")                                                                              \
    X(RESOLVE, "resolve")                                                                          \
    X(CONNECT, "connect")                                                                          \
    X(TLS, "tls")                                                                                  \
    X(SEND, "send")                                                                                \
    X(HEAD, "head")                                                                                \
    X(BODY, "body")                                                                                \
    X(EXPECT, "expect")                                                                            \
    X(OUTPUT, "output")                                                                            \
    X(LOCAL, "local")

#define ERR_KINDS(X)                                                                               \
    X(NONE, "", NONE, 0, "no error")                                                               \
    /* input */                                                                                    \
    X(BAD_URL, "bad-url", POLICY, 0, "not a valid URL")                                            \
    X(BAD_LINE, "bad-line", POLICY, 0, "the input line is malformed")                              \
    X(BAD_JSON, "bad-json", POLICY, 0, "the input line is not a valid JSON record")                \
    X(BAD_GLOB, "bad-glob", POLICY, 0, "the URL pattern is malformed")                             \
    X(BAD_GZIP, "bad-gzip", POLICY, 0, "the compressed input is damaged or cut off")               \
    X(LINE_TOO_LONG, "line-too-long", POLICY, 0, "the input line is too long")                     \
    X(BAD_SCHEME, "bad-scheme", POLICY, 0, "only http and https URLs can be fetched")              \
    X(UNREADABLE, "unreadable", LOCAL, 0, "the input could not be read")                           \
    /* resolve */                                                                                  \
    X(NO_SUCH_HOST, "no-such-host", TARGET, 0, "the name does not exist")                          \
    X(NO_ADDRESS, "no-address", TARGET, 0, "the name has no address of a usable family")           \
    X(SERVFAIL, "servfail", TARGET, 1, "the name servers of the domain failed")                    \
    X(RESOLVER_REFUSED, "resolver-refused", LOCAL, 1, "the DNS server refuses to answer us")       \
    X(RESOLVER_TIMEOUT, "resolver-timeout", LOCAL, 1, "no DNS server answered")                    \
    X(RESOLVER_FAILED, "resolver-failed", LOCAL, 1, "the DNS lookup failed")                       \
    /* connect, and connections that end */                                                        \
    X(REFUSED, "refused", TARGET, 1, "the connection was refused")                                 \
    X(UNREACHABLE, "unreachable", TARGET, 1, "no route to the host")                               \
    X(NETWORK_DOWN, "network-down", LOCAL, 1, "this machine's network is unreachable")             \
    X(RESET, "reset", TARGET, 1, "the connection was reset")                                       \
    X(CLOSED, "closed", TARGET, 1, "the connection was closed before a response came")             \
    X(TRUNCATED, "truncated", TARGET, 1,                                                           \
      "the connection was closed in the middle of the response")                                   \
    X(TIMED_OUT, "timed-out", TARGET, 1, "it took too long")                                       \
    X(STALLED, "stalled", TARGET, 1, "no byte came for too long")                                  \
    X(SOCKET, "socket", LOCAL, 1, "the socket failed")                                             \
    /* tls */                                                                                      \
    X(EXPIRED, "expired", TARGET, 0, "the certificate has expired")                                \
    X(NOT_YET_VALID, "not-yet-valid", TARGET, 0, "the certificate is not valid yet")               \
    X(WRONG_HOST, "wrong-host", TARGET, 0, "the certificate is for another host")                  \
    X(SELF_SIGNED, "self-signed", TARGET, 0, "the certificate is signed by itself alone")          \
    X(UNKNOWN_ISSUER, "unknown-issuer", TARGET, 0, "no trusted root vouches for the certificate")  \
    X(REVOKED, "revoked", TARGET, 0, "the certificate was revoked by its issuer")                  \
    X(WEAK_KEY, "weak-key", TARGET, 0, "a key or signature of the certificate chain is too weak")  \
    X(BAD_CERTIFICATE, "bad-certificate", TARGET, 0, "a certificate of the chain is not valid")    \
    X(BAD_STAPLE, "bad-staple", TARGET, 0, "the stapled OCSP response is not valid")               \
    X(PIN_MISMATCH, "pin-mismatch", TARGET, 0, "the public key is not the pinned one")             \
    X(PROTOCOL_MISMATCH, "protocol-mismatch", TARGET, 0,                                           \
      "no TLS version or cipher is common to both sides")                                          \
    X(TLS_ALERT, "tls-alert", TARGET, 0, "the peer ended TLS with an alert")                       \
    X(HANDSHAKE_CUT, "handshake-cut", TARGET, 1,                                                   \
      "the connection was closed in the middle of the TLS handshake")                              \
    X(BAD_TLS, "bad-tls", TARGET, 0, "what came is not valid TLS")                                 \
    X(NO_ROOTS, "no-roots", LOCAL, 0, "no trusted root certificates were found")                   \
    X(TLS_FAILED, "tls-failed", LOCAL, 0, "the TLS library failed")                                \
    /* head and body */                                                                            \
    X(HTTP_STATUS, "http-status", TARGET, 0, "the server answered with an error status")           \
    X(HTTP_09, "http-0.9", TARGET, 0, "the answer has no HTTP status line")                        \
    X(BAD_STATUS_LINE, "bad-status-line", TARGET, 0, "the status line is malformed")               \
    X(BAD_FIELD, "bad-field", TARGET, 0, "a header field is malformed")                            \
    X(HEAD_TOO_LARGE, "head-too-large", TARGET, 0, "the response's head is too large")             \
    X(TOO_MANY_INTERIM, "too-many-interim", TARGET, 0, "too many 1xx responses")                   \
    X(BAD_LENGTH, "bad-length", TARGET, 0, "Content-Length is malformed or contradicts itself")    \
    X(BAD_TRANSFER_ENCODING, "bad-transfer-encoding", TARGET, 0,                                   \
      "Transfer-Encoding is not understood")                                                       \
    X(BAD_CHUNK, "bad-chunk", TARGET, 0, "a chunk of the body is malformed")                       \
    X(BAD_UPGRADE, "bad-upgrade", TARGET, 0, "the server switched to a protocol nobody asked for") \
    X(UNSOLICITED, "unsolicited", TARGET, 1, "the server sent bytes that answer no request")       \
    X(BAD_RANGE, "bad-range", TARGET, 1, "the part the server sent is not the part asked for")     \
    X(TOO_LARGE, "too-large", POLICY, 0, "the body is larger than allowed")                        \
    X(BAD_REDIRECT, "bad-redirect", TARGET, 0, "the redirect's Location is not a valid URL")       \
    X(REDIRECT_SCHEME, "redirect-scheme", POLICY, 0,                                               \
      "the redirect leads to neither http nor https")                                              \
    X(TOO_MANY_REDIRECTS, "too-many-redirects", POLICY, 0, "too many redirects")                   \
    X(REDIRECT_LOOP, "redirect-loop", TARGET, 0, "the redirects lead back to where they began")    \
    X(SIZE_MISMATCH, "size-mismatch", TARGET, 1, "the body has another length than expected")      \
    X(HASH_MISMATCH, "hash-mismatch", TARGET, 1, "the body has another SHA-256 than expected")     \
    /* expect */                                                                                   \
    X(EXPECTATION, "expectation", TARGET, 0, "the answer is not as expected")                      \
    X(NO_SUCH_FRAGMENT, "no-such-fragment", TARGET, 0, "the page has nothing of that name")        \
    X(NO_SUCH_FILE, "no-such-file", TARGET, 0, "there is no such file")                            \
    /* output */                                                                                   \
    X(EXISTS, "exists", POLICY, 0, "the file exists already")                                      \
    X(BAD_NAME, "bad-name", POLICY, 0, "no file can have this name beneath the directory")         \
    X(NOT_PERMITTED, "not-permitted", LOCAL, 0, "no permission")                                   \
    X(DISK_FULL, "disk-full", LOCAL, 0, "the disk or the quota is full")                           \
    X(NOT_WRITTEN, "not-written", LOCAL, 0, "writing failed")                                      \
    X(PIPE_CLOSED, "pipe-closed", LOCAL, 0, "nobody reads the output any more")                    \
    /* this machine */                                                                             \
    X(DESCRIPTORS, "descriptors", LOCAL, 1, "out of descriptors")                                  \
    X(PORTS, "ports", LOCAL, 1, "out of local ports")                                              \
    X(MEMORY, "memory", LOCAL, 1, "out of memory")                                                 \
    X(NO_SOURCE_ADDRESS, "no-source-address", LOCAL, 0,                                            \
      "this machine has no address to connect from")                                               \
    X(FORBIDDEN, "forbidden", LOCAL, 0, "this machine's rules forbid the connection")              \
    /* us */                                                                                       \
    X(INTERRUPTED, "interrupted", CANCELLED, 0, "the run was interrupted")                         \
    X(CANCELLED, "cancelled", CANCELLED, 0, "cancelled")

#endif
