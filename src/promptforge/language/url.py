"""URLs with references: whatever is put in stays one part of the address, so that no input leads elsewhere.

``/``, ``?``, ``&``, ``#`` and spaces of a value are escaped, and a part ``..`` is refused: who may run a chain cannot
make it call another path, or add to its query, with the credentials that the chain sends along.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_object
from promptforge.language.mapping import Form
from promptforge.language.reference import Reference
from promptforge.language.template import MAX_RENDERED, Template


@dataclass(frozen=True, slots=True)
class Url(Template):
    """A template of an address."""

    def written(self, value: Json, place: Reference) -> str:
        """The value, with everything escaped that means something in a URL."""
        return quote(Template.written(self, value, place), safe="", errors="replace")

    def fill(self, context: Mapping[str, Json], most: int = MAX_RENDERED) -> Json:
        """The address; InvalidInput when it has a part that leads upwards."""
        made = self.text(context, most)
        path = made.partition("?")[0].partition("#")[0]
        if any(unquote(part) in {".", ".."} for part in path.split("/")):
            raise InvalidInput("an address takes no '.' or '..' between slashes: it would lead to another place")
        return made


def with_url(form: Form, name: str) -> Form:
    """The form with the entry of that name filled as a URL."""
    given = form.value
    if not is_object(given) or not isinstance(template := given.get(name), Template):
        return form
    return replace(form, value={**given, name: Url(template.parts)})
