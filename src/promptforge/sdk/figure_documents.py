"""What ``client.figures`` asks, as GraphQL documents."""

from promptforge.sdk.documents import with_figures

TOP = with_figures(
    """
query Top($by: GroupField, $tag: String, $metric: FiguresMetric!, $limit: Int, $minimum: Int, $window: TimeWindow,
    $days: Int, $minutes: Int, $timezone: String, $filter: ExecutionFilter) {
  top(by: $by, tag: $tag, metric: $metric, limit: $limit, minimum: $minimum, window: $window, days: $days,
      minutes: $minutes, timezone: $timezone, filter: $filter) {
    from to timezone asOf behind
    total { ...FiguresAll }
    groups { key name share figures { ...FiguresAll } }
    rest { groups figures { ...FiguresAll } }
  }
}
"""
)
SERIES = with_figures(
    """
query Series($bucket: TimeBucket!, $groupBy: GroupField, $tag: String, $metric: FiguresMetric!, $limit: Int,
    $window: TimeWindow, $days: Int, $minutes: Int, $timezone: String, $filter: ExecutionFilter) {
  series(bucket: $bucket, groupBy: $groupBy, tag: $tag, metric: $metric, limit: $limit, window: $window, days: $days,
      minutes: $minutes, timezone: $timezone, filter: $filter) {
    from to timezone asOf behind
    total { ...FiguresAll }
    buckets { label start end figures { ...FiguresAll } }
    groups { key name figures { ...FiguresAll } buckets { ...FiguresAll } }
    rest { groups figures { ...FiguresAll } buckets { ...FiguresAll } }
  }
}
"""
)
