"""Whether a chain can run, with the prompts that the workspace has."""

from collections.abc import Sequence
from dataclasses import replace

from promptforge.core.access import Actor, Permission
from promptforge.core.chain import ChainDocument, ChainProblem, Severity, StepType, refusal
from promptforge.core.errors import Conflict, InvalidInput, NotFound
from promptforge.core.prompt import PromptVersion
from promptforge.engine import validation
from promptforge.services.prompts import Prompts


class ChainValidation:
    """Proves documents before they run."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts

    async def check(self, actor: Actor, document: ChainDocument) -> None:
        """InvalidInput, naming the step, for what would keep the document from running."""
        errors = [one for one in await self.problems(actor, document) if one.severity is Severity.ERROR]
        if errors:
            error, more = refusal(document, errors[0]), len(errors) - 1
            raise InvalidInput(f"{error} (and {more} more: see validateChain)" if more else str(error), path=error.path)

    async def problems(self, actor: Actor, document: ChainDocument) -> Sequence[ChainProblem]:
        """All problems, errors first."""
        # Whoever may run or read the chain may know whether its prompts are there.
        able = replace(actor, permissions=frozenset({Permission.RUN, Permission.CONTENT}))
        versions: dict[str, PromptVersion] = {}
        missing: list[ChainProblem] = []
        for n, step in enumerate(document.steps):
            if step.type is not StepType.PROMPT or step.prompt is None:
                continue
            field = "prompt"
            try:
                prompt = await self._prompts.get(able, step.prompt)
                field = "version" if step.version is not None else "label" if step.label is not None else "prompt"
                _, versions[step.name] = await self._prompts.resolve(
                    able, prompt_id=prompt.id, version=step.version, label=step.label
                )
            except (NotFound, Conflict) as error:
                missing.append(ChainProblem(step=step.name, path=f"$.steps[{n}].{field}", message=str(error)))
            except InvalidInput:
                continue  # said of the document itself: a version and a label
        found = [*validation.problems(document, versions), *missing]
        return sorted(found, key=lambda problem: problem.severity is not Severity.ERROR)
