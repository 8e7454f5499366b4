"""A certificate and its key, given to the TLS library without a file."""

import os
import ssl

PIPE_BYTES = 1 << 16
"""What a pipe takes while nobody reads."""


def load_pair(context: ssl.SSLContext, pem: bytes) -> None:
    """Give a context a certificate and its key, which the library takes by the names of files alone.

    The files are pipes, so that no key reaches a disk; the library reads one for each of the two. Raises OSError for
    what is no such pair, which ssl.SSLError is too.
    """
    if len(pem) > PIPE_BYTES:
        raise OSError
    readers = []
    try:
        for _ in range(2):
            reader, writer = os.pipe()
            readers.append(reader)
            with open(writer, "wb") as file:
                file.write(pem)
        certificate, key = (f"/proc/self/fd/{reader}" for reader in readers)
        # Without a password at hand the library would ask the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    finally:
        for reader in readers:
            os.close(reader)
