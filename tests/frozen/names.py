"""A DNS server for the namespace: it knows some names, each with one address, and no other."""

import socket
import struct
import threading
from collections.abc import Iterable

A = 1
NAME_ERROR = 3


class NameServer:
    """Answers on UDP until the context ends; `asked` are the names that somebody asked for."""

    def __init__(self, names: Iterable[str], address: str = "127.0.0.1", at: tuple[str, int] = ("127.0.0.53", 53)):
        self._names = frozenset(names)
        self._address = socket.inet_aton(address)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(at)
        self._thread = threading.Thread(target=self._serve)
        self.asked: list[str] = []

    def __enter__(self) -> "NameServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(512)
            if not query:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        question, kind = query[12 : at + 5], struct.unpack_from(">H", query, at + 1)[0]
        name = ".".join(labels).lower()
        self.asked.append(name)
        known = name in self._names
        records = [struct.pack(">HHHIH", 0xC00C, A, 1, 60, 4) + self._address] if known and kind == A else []
        flags = 0x8180 if known else 0x8180 | NAME_ERROR
        return query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)
