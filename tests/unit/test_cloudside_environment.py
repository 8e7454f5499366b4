from provider.deadline import Deadline
from provider.environment import Environment, take


def test_take_reads_what_counts_and_leaves_nothing() -> None:
    environ = {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "http_proxy": "proxy.example",
        "no_proxy": " .example.com ",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "HOME": "/root",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "poison",
        "DEBUG": "sdk",
        "PATH": "/bin",
    }
    environment = take(environ)
    assert environment == Environment(
        https_proxy="http://proxy.example:3128",
        no_proxy=".example.com",
        ssl_cert_file="/etc/ca.pem",
        home="/root",
    )
    assert environ == {"OPENSSL_CONF": "/dev/null"}


def test_upper_case_comes_first_and_empty_is_as_if_not_set() -> None:
    assert take({"HTTPS_PROXY": "upper", "https_proxy": "lower"}).https_proxy == "upper"
    assert take({"HTTPS_PROXY": "", "https_proxy": "lower"}).https_proxy == "lower"
    assert take({}) == Environment()


def test_remaining_time_goes_down_to_zero_and_not_below() -> None:
    now = 100.0
    deadline = Deadline(5, lambda: now)
    assert deadline.remaining() == 5
    now = 103.5
    assert deadline.remaining() == 1.5
    now = 200.0
    assert deadline.remaining() == 0
