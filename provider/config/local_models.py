"""`local.yaml` as users write it."""

from typing import ClassVar

from provider.config import fields
from provider.config.models import FileModel, spelt


class EndpointKeys(FileModel):
    """The value of `endpoints`."""

    about: ClassVar[str] = "Where the cloud is when it is not at its public names: HOST or HOST:PORT."

    metadata: fields.HostAndPort = spelt("metadata", default="", description="ECS metadata service, plain HTTP.")
    sts: fields.HostAndPort = spelt("sts", default="", description="STS.")
    acr: fields.HostAndPort = spelt("acr", default="", description="The API of ACR.")


class LocalFile(FileModel):
    """The whole of `local.yaml`."""

    about: ClassVar[str] = "The node's own file: what redirects traffic or trust."

    endpoints: EndpointKeys = spelt("endpoints", default=EndpointKeys(), description="Endpoints of a private cloud.")
    ca_file: fields.AbsolutePath = spelt(
        "ca-file", "caFile", default="", description="Certificates in PEM form, trusted beside the node's own."
    )
