"""A look through the whole history for what must not be. Scans of a few columns; nothing is changed."""

from datetime import date, datetime, timedelta

from promptforge.core.doctor import Examined, Named
from promptforge.record.engine import Engine
from promptforge.record.schema import WEEK


def examine(engine: Engine, today: date, since: datetime) -> Examined:
    """Look; executions without a price are counted from *since* on."""

    def number(sql: str, **values: object) -> int:
        return int(engine.ask(sql, values, heavy=True)[0][0])

    # in the order of the table, so that it takes little memory
    twice = number(
        "SELECT count() FROM (SELECT 1 FROM facts GROUP BY workspace, created_at, id, kind HAVING count() > 1 "
        "SETTINGS optimize_aggregation_in_order = 1)"
    )
    # by batches: an anti-join over all ids would not fit into memory
    alone = number(
        "SELECT toInt64(sum(greatest(0, toInt64(content.rows) - toInt64(figures.rows)))) FROM "
        "(SELECT batch, count() AS rows FROM payloads GROUP BY batch) AS content LEFT JOIN "
        "(SELECT batch, count() AS rows FROM facts GROUP BY batch) AS figures USING batch"
    )
    expired = number(
        "SELECT sum(rows) FROM system.parts WHERE database = currentDatabase() AND table = 'payloads' AND active "
        "AND toDate(partition) < {until:Date}",
        until=today - timedelta(days=WEEK - 1),
    )
    unpriced = engine.ask(
        "SELECT model, count() FROM facts PREWHERE created_at >= {since:DateTime64(3, 'UTC')} "
        "AND cost_state = 'unpriced' GROUP BY model ORDER BY count() DESC, model",
        {"since": since.timestamp()},
        heavy=True,
    )
    named = engine.ask(
        "SELECT DISTINCT workspace, prompt_id, version_id FROM facts PREWHERE version_id != '' ORDER BY ALL",
        {},
        heavy=True,
    )
    return Examined(
        twice=twice,
        alone=alone,
        expired=expired,
        unpriced=[(row[0], row[1]) for row in unpriced],
        named=[Named(*row) for row in named],
    )
