import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.lifetime import MAXIMUM_JITTER, Lifetime, lifetime

NOW = 1_000_000


@pytest.mark.parametrize(
    ("left", "threshold", "chance", "expected"),
    [
        (3600, 900, 0.0, Lifetime(NOW + 2700, NOW + 3600, False)),
        (3600, 900, 1.0, Lifetime(NOW + 2640, NOW + 3600, False)),
        (1000, 900, 1.0, Lifetime(NOW + 90, NOW + 1000, False)),
        (901, 900, 0.0, Lifetime(NOW + 1, NOW + 901, False)),
        (900, 900, 0.0, Lifetime(NOW + 450, NOW + 900, True)),
        (720, 900, 1.0, Lifetime(NOW + 360, NOW + 720, True)),
        (0, 900, 0.0, Lifetime(NOW, NOW, True)),
        (-5, 900, 0.0, Lifetime(NOW, NOW - 5, True)),
    ],
)
def test_renewal_comes_before_the_threshold_or_after_half(
    left: int, threshold: int, chance: float, expected: Lifetime
) -> None:
    assert lifetime(NOW, NOW + left, threshold, chance) == expected


@given(st.integers(1, 10**6), st.integers(0, 10**5), st.floats(0, 1))
def test_renewal_lies_between_now_and_the_threshold(left: int, threshold: int, chance: float) -> None:
    kept = lifetime(NOW, NOW + left, threshold, chance)
    assert NOW <= kept.renew <= kept.end
    if not kept.too_short:
        assert NOW + left - threshold - MAXIMUM_JITTER - 1 <= kept.renew <= NOW + left - threshold
