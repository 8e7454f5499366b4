"""A real registry without authentication, which has the images that the simulated ones give out."""

import http.client

from tests.cloud.wire import Answer

SECONDS = 30
ACCEPT = (
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*"
)
KEPT = ("Content-Type", "Docker-Content-Digest", "Docker-Distribution-Api-Version")


class Backend:
    """The registry at one address, asked by plain HTTP."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port

    def content(self, repository: str, kind: str, reference: str) -> Answer:
        """A manifest or a blob, whole; what the registry says where it has none. `kind`: `manifests` or `blobs`."""
        connection = http.client.HTTPConnection(*self._address, timeout=SECONDS)
        try:
            connection.request("GET", f"/v2/{repository}/{kind}/{reference}", headers={"Accept": ACCEPT})
            answer = connection.getresponse()
            headers = {name: value for name in KEPT if (value := answer.headers.get(name))}
            return Answer(answer.status, answer.read(), headers)
        finally:
            connection.close()
