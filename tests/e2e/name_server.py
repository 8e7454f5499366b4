"""The cluster's name server: every name of the cloud leads to the simulated one, and no other name is there.

`python -m tests.e2e.name_server ADDRESS` answers at port 53 (UDP) until it is killed. Nodes need it not, they have
/etc/hosts; pods with a network of their own do.
"""

import socket
import struct
import sys

from tests.cloud.default_world import CUSTOM_DOMAIN
from tests.e2e.site import CLOUD

PORT = 53
HEADER = struct.Struct("!HHHHHH")
ANSWERED, NO_SUCH_NAME = 0x8580, 0x8583
A, SECONDS = 1, 5
QUESTION_NAME = 0xC00C


def answer(query: bytes) -> bytes:
    """The answer to a query of one question, as RFC 1035 writes them."""
    number, _, _, *_ = HEADER.unpack_from(query)
    labels, place = [], HEADER.size
    while length := query[place]:
        labels.append(query[place + 1 : place + 1 + length].decode("ascii", "replace").lower())
        place += 1 + length
    question = query[HEADER.size : place + 5]
    kind = int.from_bytes(query[place + 1 : place + 3], "big")
    name = ".".join(labels)
    known = name.endswith(".aliyuncs.com") or name == CUSTOM_DOMAIN
    found = known and kind == A
    header = HEADER.pack(number, ANSWERED if known else NO_SUCH_NAME, 1, int(found), 0, 0)
    address = struct.pack("!HHHIH4s", QUESTION_NAME, A, 1, SECONDS, 4, socket.inet_aton(CLOUD)) if found else b""
    return header + question + address


def main(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, PORT))
        while True:
            query, client = server.recvfrom(4096)
            server.sendto(answer(query), client)


if __name__ == "__main__":
    main(sys.argv[1])
