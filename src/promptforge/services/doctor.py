"""The doctor: the stores against each other, and whether the process can go on. Findings say what to do."""

from collections.abc import Sequence
from datetime import timedelta

from promptforge.core.access import Actor
from promptforge.core.doctor import Finding, Named
from promptforge.core.errors import Unavailable
from promptforge.core.ports import Clock, PromptCatalog, Record
from promptforge.services.backup import require_machine
from promptforge.services.calls import MAX_DEADLINE_MS

PRICES_SINCE = timedelta(days=30)
LATE = timedelta(milliseconds=MAX_DEADLINE_MS, minutes=1)
SLOW_SECONDS = 60.0


class Doctor:
    """Looks at everything and changes nothing."""

    def __init__(self, record: Record, prompts: PromptCatalog, clock: Clock, *, min_free_mb: int) -> None:
        self._record = record
        self._prompts = prompts
        self._clock = clock
        self._min_free = min_free_mb << 20

    async def look(self, actor: Actor) -> Sequence[Finding]:
        """Everything that is found, what is wrong first."""
        require_machine(actor)
        now = self._clock.now()
        findings = self._state()
        try:
            checkup = await self._record.checkup(late=now - LATE, since=now - PRICES_SINCE)
        except Unavailable as error:
            do = "ask again when it answers"
            findings.append(Finding(check="unread", count=1, what=f"the stores were not looked at: {error}", do=do))
        else:
            findings += [*checkup.findings, *await self._versions(checkup.named)]
        return sorted(findings, key=lambda finding: not finding.wrong)

    def _state(self) -> list[Finding]:
        health = self._record.health()
        found: list[Finding] = []
        if health.free_bytes < 2 * self._min_free:
            free, floor = health.free_bytes >> 20, self._min_free >> 20
            what = f"MB are free on the disk of the home; below {floor:,} MB new work is refused"
            wrong = health.free_bytes < self._min_free
            found.append(
                Finding(check="disk", count=free, what=what, do="free some space or move the home", wrong=wrong)
            )
        if health.problem is not None:
            do = "nothing is lost meanwhile; look at the disk and the log, and start again if it does not go by itself"
            found.append(Finding(check="history", count=health.journaled, what=health.problem, do=do))
        elif health.oldest > SLOW_SECONDS:
            what = f"executions wait for the history, the first for {health.oldest:.0f} s"
            do = "look whether something else keeps the disk or the processor busy"
            found.append(Finding(check="waiting", count=health.journaled, what=what, do=do))
        return found

    async def _versions(self, named: Sequence[Named]) -> list[Finding]:
        lost = [name for name in named if await self._prompts.version_by_id(name.workspace, name.version_id) is None]
        if not lost:
            return []
        some = ", ".join(f"{name.prompt_id} in {name.workspace}" for name in lost[:3])
        what = f"versions that executions name are not in the catalog: of {some}"
        return [Finding(check="versions", count=len(lost), what=what, do="put back the catalog.db of a later backup")]
