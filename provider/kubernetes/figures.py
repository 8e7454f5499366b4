"""What all duties measure alike, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge

PREFIX = "acr_credential_provider_"


class Figures:
    """The figures of one process, and where they are read."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter(
            "api_requests", "Requests to the API server; status 0: nobody answered.", "method", "status"
        )

    def asked(self, method: str, status: int) -> None:
        """Count a request to the API server."""
        self._requests.labels(method, str(status)).inc()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}{name}", text, labels, registry=self.registry)
