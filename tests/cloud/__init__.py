"""A simulated Alibaba Cloud: see README.md."""

from tests.cloud.simulation import SimulatedCloud

__all__ = ["SimulatedCloud"]
