"""The benchmark's statistics, and the order of its runs."""

import math
from collections import Counter

import pytest

from tests.bench.figures import Figures, figures, interleaved, ratio

SERIES: dict[str, tuple[list[float], Figures]] = {
    "one": ([3.0], Figures(1, 3.0, 3.0, 0.0)),
    "two": ([1.0, 3.0], Figures(2, 2.0, 1.0, 1.0)),
    "odd, in any order": ([5.0, 1.0, 4.0, 2.0, 3.0], Figures(5, 3.0, 1.0, 2.0)),
    "even": ([1.0, 2.0, 3.0, 4.0], Figures(4, 2.5, 1.0, 1.5)),
    "one that is far out changes neither p50 nor spread": ([1.0, 2.0, 3.0, 4.0, 900.0], Figures(5, 3.0, 1.0, 2.0)),
}


@pytest.mark.parametrize(("seconds", "expected"), SERIES.values(), ids=SERIES.keys())
def test_a_series_in_short(seconds: list[float], expected: Figures) -> None:
    assert figures(seconds) == expected


def test_the_ratio_is_that_of_the_medians() -> None:
    assert math.isclose(ratio(Figures(3, 0.012, 0.001, 0.5), Figures(3, 0.008, 0.007, 0.1)), 1.5)


@pytest.mark.parametrize("subjects", [1, 2, 5])
def test_every_round_has_every_subject_once_and_begins_with_another(subjects: int) -> None:
    order = list(interleaved(subjects, subjects))
    rounds = [order[start : start + subjects] for start in range(0, len(order), subjects)]
    assert [Counter(each) for each in rounds] == [Counter(range(subjects))] * subjects
    assert [each[0] for each in rounds] == list(range(subjects))


def test_no_subject_has_a_round_more_than_another() -> None:
    assert Counter(interleaved(3, 7)) == {0: 7, 1: 7, 2: 7}
