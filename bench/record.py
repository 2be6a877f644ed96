"""Lists and figures over a large record, as the record answers them (GraphQL adds its own part).

Fills a home with made-up executions over 90 days, 8 of 10 in one workspace, in blocks of 10,000 by the code that the
shipper uses; then asks each question 50 times with other values each time and the engine's condition cache off.
"""

import argparse
import asyncio
import hashlib
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from promptforge.core import ids
from promptforge.core.execution import Attempt, Content, CostState, ErrorType, Execution, PromptRef, Source, Status
from promptforge.core.filter import All, Filter, Not, Operator, Test
from promptforge.core.price import Line, PriceSource
from promptforge.core.query import Breakdown, Dimension, Page, Subject
from promptforge.core.usage import Usage, UsageSource
from promptforge.core.window import last_days
from promptforge.record import RecordStore, open_record
from promptforge.record.history import ClickHouseHistory

BLOCK = 10_000
DAYS = 90
WORKSPACE = "bench"
END = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
MODELS = (
    ("anthropic", "claude-sonnet-4-5", 3_000_000, 15_000_000),
    ("anthropic", "claude-haiku-4-5", 1_000_000, 5_000_000),
    ("openai", "gpt-5", 1_250_000, 10_000_000),
    ("openai", "gpt-5-mini", 250_000, 2_000_000),
    ("openai", "gpt-4o-mini", 150_000, 600_000),
    ("google", "gemini-2.5-flash", 300_000, 2_500_000),
)
ERRORS = (ErrorType.RATE_LIMIT, ErrorType.TIMEOUT, ErrorType.PROVIDER, ErrorType.NETWORK, ErrorType.VALIDATION)


class Made:
    """Executions from a seed, oldest first."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.random = random.Random(7)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.words = ["".join(self.random.choices(letters, k=self.random.randint(3, 9))) for _ in range(30_000)]
        weights = [1 / (rank + 3) for rank in range(len(self.words))]
        # texts are cut from a long one, because choosing every word anew would take longer than storing it
        self.text = self.random.choices(self.words, weights, k=400_000)

    def blocks(self) -> Iterator[list[Execution]]:
        """Blocks of 10,000."""
        step = timedelta(days=DAYS) / self.rows
        start = END - timedelta(days=DAYS)
        for first in range(0, self.rows, BLOCK):
            yield [self._one(n, start + n * step) for n in range(first, min(self.rows, first + BLOCK))]

    def words_from(self, count: int) -> str:
        """Some words in a row."""
        at = self.random.randrange(len(self.text) - count)
        return " ".join(self.text[at : at + count])

    def _one(self, n: int, at: datetime) -> Execution:
        draw = self.random.random
        provider, model, price_in, price_out = MODELS[int(draw() ** 2 * len(MODELS))]
        prompt = int(draw() ** 2 * 24)
        failed = draw() < 0.05
        token_in, token_out = int(200 + 1800 * draw()), int(600 * draw())
        ms = int(at.timestamp() * 1000)
        lines = (
            Line(unit="input", quantity=token_in, rate=price_in, per=1_000_000, amount=token_in * price_in,
                 source=PriceSource.CATALOGUE, valid_from=END),
            Line(unit="output", quantity=token_out, rate=price_out, per=1_000_000, amount=token_out * price_out,
                 source=PriceSource.CATALOGUE, valid_from=END),
        )  # fmt: skip
        latency = int(200 + 4000 * draw() ** 3)
        return Execution(
            id=ids.text(ids.EXECUTION, ids.number(ms, self.random.getrandbits(80))),
            workspace=WORKSPACE if n % 10 < 8 else "other",
            created_at=datetime.fromtimestamp(ms / 1000, UTC),
            recorded_at=END,
            status=Status.ERROR if failed else Status.SUCCESS,
            source=Source.SDK,
            model=model,
            provider=provider,
            prompt=PromptRef(
                prompt_id=f"prompt_{prompt:026}",
                prompt_name=f"prompt-{prompt}",
                version_id=f"ver_{prompt:024}{n % 3}",
                version=1 + n % 3,
                label="production" if n % 4 else None,
            ),
            user_id=f"user_{int(draw() * 40)}",
            service=f"service-{n % 6}",
            end_user=f"customer-{int(draw() * 50_000)}",
            session_id=f"session-{int(draw() * max(1, self.rows // 5))}",
            tags={
                "env": "prod" if n % 5 else "test",
                "tenant": f"t{int(draw() * 2000)}",
                "release": f"r{n * 40 // self.rows}",
            },
            error_type=ERRORS[n % len(ERRORS)] if failed else None,
            finish_reason=None if failed else "stop",
            started_at=END,
            latency_ms=latency,
            token_in=None if failed else token_in,
            token_out=None if failed else token_out,
            usage=None if failed else Usage({"input": token_in, "output": token_out}),
            usage_source=UsageSource.UNKNOWN if failed else UsageSource.REPORTED,
            cost=None if failed else token_in * price_in + token_out * price_out,
            cost_state=CostState.UNKNOWN if failed else CostState.PRICED,
            lines=() if failed else lines,
            attempts=(
                Attempt(
                    number=1, provider=provider, model=model, offset_ms=0, latency_ms=latency, status=Status.SUCCESS
                ),
            ),
            expires_on=(at + timedelta(days=DAYS)).date() if EXPIRING else None,
            content=Content(
                input={"question": self.words_from(40), "order": n},
                output=None if failed else self.words_from(60),
                error="the provider answered 529" if failed else None,
                usage_raw={"input_tokens": token_in, "output_tokens": token_out},
            ),
        )


EXPIRING = True


class _Clock:
    def now(self) -> datetime:
        return END

    def monotonic(self) -> float:
        return time.monotonic()

    def bits(self) -> int:
        return random.getrandbits(80)


def fill(home: Path, made: Made) -> None:
    """Store everything, saying how fast."""
    folder = home / "history"
    folder.mkdir(parents=True)
    history = ClickHouseHistory(folder, END.date)
    began = time.perf_counter()
    seq = 0
    for batch, block in enumerate(made.blocks(), 1):
        history.insert(batch, list(enumerate(block, seq)), doubt=False)
        seq += len(block)
        if batch % 20 == 0 or seq == made.rows:
            print(f"  {seq:>12,} rows, {seq / (time.perf_counter() - began):,.0f} a second", flush=True)
    history.close()


def questions(store: RecordStore, made: Made) -> dict[str, Callable[[], Awaitable[object]]]:
    """What is asked, each with other values every time."""
    pick = made.random

    def page(*tests: Filter) -> Awaitable[object]:
        return store.page(Page(workspace=WORKSPACE, filter=All(tests)))

    def is_(field: str, *values: str | int, key: str | None = None) -> Test:
        return Test(field, Operator.IN, values, key)

    def prompt() -> Test:
        return is_("prompt_id", f"prompt_{pick.randrange(24):026}")

    def model() -> Test:
        return is_("model", pick.choice(MODELS)[1])

    def overview(days: int | None) -> Callable[[], Awaitable[object]]:
        async def ask() -> object:
            shifted = END - timedelta(seconds=pick.randrange(86_400))
            window = last_days(days or DAYS + 2, "Europe/Zurich", shifted)
            base = Breakdown(
                workspace=WORKSPACE, start=window.start if days else None, end=window.end, zone="Europe/Zurich"
            )
            top = (Dimension.PROMPT, Dimension.PROMPT_NAME, Dimension.PROVIDER, Dimension.MODEL)
            asked = [
                store.figures(replace(base, by=(Dimension.DAY, Dimension.ERROR_TYPE))),
                store.figures(replace(base, by=top, subject=Subject.CALLS)),
            ]
            if days and window.start:
                asked.append(store.figures(replace(base, start=window.start - timedelta(days=days), end=window.start)))
            return await asyncio.gather(*asked)

        return ask

    def common_word() -> str:
        return pick.choice(made.text)

    def rare_word() -> str:
        return made.words[pick.randrange(len(made.words) // 2, len(made.words))]

    moment = END - timedelta(days=1)
    after = [made.random.randrange(DAYS * 86_400_000) for _ in range(1000)]
    first = int((END - timedelta(days=DAYS)).timestamp() * 1000)
    return {
        "page": lambda: page(Test("created_at", Operator.BELOW, (moment + timedelta(seconds=pick.randrange(86_400)),))),
        "page, deep cursor": lambda: store.page(
            Page(workspace=WORKSPACE, after=ids.text(ids.EXECUTION, ids.number(first + pick.choice(after), 0)))
        ),
        "page, offset 10,000": lambda: store.page(Page(workspace=WORKSPACE, offset=10_000 + pick.randrange(1000))),
        "status": lambda: page(
            is_("status", "error"),
            Test("created_at", Operator.BELOW, (moment + timedelta(seconds=pick.randrange(86_400)),)),
        ),
        "prompt + status": lambda: page(prompt(), is_("status", "error")),
        "prompt + version + model": lambda: page(prompt(), is_("version", pick.randrange(1, 4)), model()),
        "model + user": lambda: page(model(), is_("user_id", f"user_{pick.randrange(40)}")),
        "service + error type": lambda: page(
            is_("service", f"service-{pick.randrange(6)}"), is_("error_type", pick.choice(ERRORS).value)
        ),
        "end user": lambda: page(is_("end_user", f"customer-{pick.randrange(50_000)}")),
        "session": lambda: page(is_("session_id", f"session-{pick.randrange(max(1, made.rows // 5))}")),
        "absent prompt": lambda: page(is_("prompt_id", f"prompt_x{pick.random()}")),
        "model glob": lambda: page(
            Test("model", Operator.LIKE, (pick.choice(("gpt*", "*mini", "claude*", "gem*flash")),))
        ),
        "tag": lambda: page(is_("tag", f"t{pick.randrange(2000)}", key="tenant")),
        "tag, absent": lambda: page(is_("tag", f"x{pick.random()}", key="tenant")),
        "cost bound": lambda: page(Test("cost", Operator.AT_LEAST, (14_000_000_000 + pick.randrange(10**9),))),
        "latency bounds": lambda: page(
            Test("latency_ms", Operator.AT_LEAST, (4190 + pick.randrange(5),)),
            Test("latency_ms", Operator.AT_MOST, (4199,)),
        ),
        "impossible bound": lambda: page(Test("tokens", Operator.AT_LEAST, (10_000 + pick.randrange(1000),))),
        "text, common word": lambda: page(Test("text", Operator.WORDS, (common_word(),))),
        "text, rare word": lambda: page(Test("text", Operator.WORDS, (rare_word(),))),
        "text, two words": lambda: page(Test("text", Operator.WORDS, (f"{common_word()} {rare_word()}",))),
        "text, absent word": lambda: page(Test("text", Operator.WORDS, (f"zz{pick.random()}",))),
        "text + model + error": lambda: page(
            Test("text", Operator.WORDS, (rare_word(),)), model(), is_("status", "error")
        ),
        "text, common + absent": lambda: page(Test("text", Operator.WORDS, (common_word(),)), is_("prompt_id", "none")),
        "text, not": lambda: page(Not(Test("text", Operator.WORDS, (rare_word(),)))),
        "overview, 7 days": overview(7),
        "overview, 30 days": overview(30),
        "overview, all time": overview(None),
    }


async def ask(home: Path, made: Made, times: int, only: str) -> None:
    """Print the median, the 95th percentile, the worst and the mean processor time of each question."""
    store = await open_record(home, _Clock(), engine_settings={"use_query_condition_cache": 0})
    try:
        print(f"{'question':28} {'p50':>8} {'p95':>8} {'max':>8} {'cpu':>8} ms   (calibration {calibration():.1f} ms)")
        for name, question in questions(store, made).items():
            if only and only not in name:
                continue
            await question()
            taken: list[float] = []
            used = time.process_time()
            for _ in range(times):
                began = time.perf_counter()
                await question()
                taken.append((time.perf_counter() - began) * 1000)
            used = (time.process_time() - used) * 1000 / times
            taken.sort()
            p95 = taken[min(len(taken) - 1, int(len(taken) * 0.95))]
            print(f"{name:28} {statistics.median(taken):8.1f} {p95:8.1f} {taken[-1]:8.1f} {used:8.1f}", flush=True)
        print(f"calibration {calibration():.1f} ms")
    finally:
        await store.shutdown()


def calibration() -> float:
    """Milliseconds that a fixed piece of work takes on this machine now: hashing and fdatasync."""
    began = time.perf_counter()
    data = b"x" * (1 << 20)
    for _ in range(20):
        hashlib.blake2b(data).digest()
    with tempfile.TemporaryFile() as file:
        for _ in range(20):
            file.write(data[:4096])
            file.flush()
            os.fdatasync(file.fileno())
    return (time.perf_counter() - began) * 1000


def main(arguments: list[str]) -> None:
    """Run it: ``python -m bench record [--rows 1000000] [--times 50] [--home DIR] [--only NAME]``."""
    parser = argparse.ArgumentParser(prog="bench record", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--home", type=Path, help="keep the home there, and use it when it is filled already")
    parser.add_argument("--only", default="", help="only questions whose name contains this")
    options = parser.parse_args(arguments)
    home = options.home or Path(tempfile.mkdtemp(prefix="bench-record-"))
    made = Made(options.rows)
    try:
        if not (home / "history").exists():
            fill(home, made)
        asyncio.run(ask(home, made, options.times, options.only))
    finally:
        if options.home is None:
            shutil.rmtree(home)
