"""The page of the metrics is true to the code."""

from house.test_docs import rows
from promptforge.server.metrics import METRICS


def test_every_metric_is_documented_and_nothing_else():
    """docs/metrics.md names each metric with its type and meaning."""
    documented = {name: tuple(cells) for name, cells in rows("docs/metrics.md").items() if name != "metric"}
    assert documented == METRICS
