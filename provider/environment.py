"""What counts of the environment that the program was started with.

The SDKs read some thirty variables, among them key pairs and the names of files in HOME; the kubelet hands down its
own. So what is meant for us is taken out, and nothing is left for anybody else.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that count, each empty where it was not set."""

    https_proxy: str = ""
    """A URL, or HOST:PORT. It may hold a password: never shown."""
    no_proxy: str = ""
    """Host names, domains, addresses and networks, separated by commas."""
    ssl_cert_file: str = ""
    ssl_cert_dir: str = ""
    """Directories, separated by colons."""
    home: str = ""
    xdg_runtime_dir: str = ""


def take(environ: MutableMapping[str, str]) -> Environment:
    """Return what counts of `environ` and leave nothing but OPENSSL_CONF.

    To be called before the first import of an SDK.
    """

    def read(name: str) -> str:
        # Upper case first, as the kubelet itself reads them.
        return (environ.get(name) or environ.get(name.lower()) or "").strip()

    environment = Environment(
        https_proxy=read("HTTPS_PROXY"),
        no_proxy=read("NO_PROXY"),
        ssl_cert_file=read("SSL_CERT_FILE"),
        ssl_cert_dir=read("SSL_CERT_DIR"),
        home=read("HOME"),
        xdg_runtime_dir=read("XDG_RUNTIME_DIR"),
    )
    environ.clear()
    # OpenSSL would read the node's openssl.cnf, written for another build of it: an unknown value there ends all TLS.
    environ["OPENSSL_CONF"] = "/dev/null"
    return environment
