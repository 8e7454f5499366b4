"""The cluster's date on the node, which decides the identity: `agent place` tries it once, and this goes on."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager

from lightkube import Client

from provider.agent.node_cluster import Turns
from provider.agent.place_cluster import content_of, created, write
from provider.errors import ProviderError, place_of
from provider.kubernetes.client import ApiFailure, Count
from provider.node.files import Tree
from provider.places import Places


class ClusterDate:
    """Asks the API server when the cluster was made until it tells, and writes it down."""

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Client]],
        places: Places,
        cluster_id: str,
        count: Count,
        say: Callable[[str], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._connect = connect
        self._path = places.cluster
        self._cluster_id = cluster_id
        self._count = count
        self._say = say
        self._turns = Turns(chance)
        self._trouble = ""
        self._is_done = False

    def take_turn(self, now: float) -> None:
        """Try it, where it is not done and no try is too near. `now`: seconds of a clock that does not step."""
        if self._is_done or self._turns.is_pause(now):
            return
        try:
            with self._connect() as client:
                moment = created(client)
            self._count("GET", 200)
            if write(Tree(), content_of(moment, self._cluster_id), self._path):
                self._say(f"{self._path} is written")
            self._is_done = True
        except ApiFailure as failure:
            self._count("GET", failure.status)
            self._failed(now, str(failure), failure.retry_after)
        except ProviderError as error:
            self._failed(now, str(error))
        except Exception as error:
            self._failed(now, place_of(error))

    def _failed(self, now: float, trouble: str, retry_after: float = 0) -> None:
        self._turns.failed(now, retry_after)
        if trouble != self._trouble:
            self._say(trouble)
            self._trouble = trouble
