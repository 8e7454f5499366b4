"""The process that is measured: the writer of compatibility Secrets, told what it is to write by lines on stdin.

`python -m tests.bench_cluster.subject KUBECONFIG`: each line is a number, the tokens' generation: the first is written
everywhere, a later one renews them all. An empty line asks for the figures, which come as a line of JSON.
"""

import asyncio
import json
import sys
import time
from collections import Counter

from lightkube.resources.core_v1 import Event

from provider.kubernetes.client import open_async_client
from provider.secrets.desired import ALL_NAMESPACES, ALL_SERVICE_ACCOUNTS, Content, Desired
from provider.secrets.reconcile import Reconciler

HOUR = 3600
PASSWORD = "p" * 900
"""As long as the ones of Alibaba Cloud."""
HOSTS = ("registry-vpc.cn-hangzhou.aliyuncs.com", "alpha-registry-vpc.cn-hangzhou.cr.aliyuncs.com")


def desired(generation: int) -> Desired:
    """What is wanted: everywhere, for everybody, with tokens of this generation; older ones are due."""
    auths = {host: {"username": "cr_temp_user", "password": f"{generation:06}{PASSWORD}"} for host in HOSTS}
    content = Content(json.dumps({"auths": auths}).encode(), "hosts", 0, int(time.time()) + HOUR * generation)
    return Desired(
        enabled=True,
        namespaces=(ALL_NAMESPACES,),
        service_accounts=(ALL_SERVICE_ACCOUNTS,),
        takeover=False,
        content=content,
    )


async def main(kubeconfig: str) -> None:
    requests: Counter[str] = Counter()
    writes: Counter[str] = Counter()

    async def tell(event: Event) -> bool:
        sys.stderr.write(f"{event.message}\n")
        return True

    def asked(method: str, status: int) -> None:
        requests[f"{method} {status}"] += 1

    def wrote(result: str) -> None:
        writes[result] += 1

    client = open_async_client(kubeconfig)
    reconciler = Reconciler(
        client,
        clock=time.time,
        monotonic=time.monotonic,
        may_write=lambda: True,
        tell=tell,
        wrote=wrote,
        asked=asked,
        log=lambda line: print(line, file=sys.stderr),
    )
    running = asyncio.create_task(reconciler.run())
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            reconciler.want(desired(int(line)))
        progress = reconciler.progress()
        figures = {
            "synced": progress.is_synced,
            "total": progress.total,
            "pending": progress.pending,
            "requests": requests,
            "writes": writes,
        }
        print(json.dumps(figures), flush=True)
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
