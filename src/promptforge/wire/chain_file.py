"""A chain as a file: one YAML text with what is said about the chain and its document. Errors say their line."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from promptforge.core.chain import Chain, ChainDocument
from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object, kind
from promptforge.wire import chain_document, yaml_text
from promptforge.wire.yaml_text import YamlText

_ABOUT = ("name", "description", "isActive", "isPublic", "intentTags")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFile:
    """What a file says; None where it says nothing about it."""

    name: str | None
    description: str | None = None
    is_active: bool | None = None
    is_public: bool | None = None
    intent_tags: tuple[str, ...] | None = None
    document: ChainDocument
    text: YamlText = field(repr=False, compare=False)


def read(text: str) -> ChainFile:
    """Read a file; InvalidInput, with the line, for one that is no chain."""
    found = yaml_text.read(text)
    try:
        return _read(found)
    except InvalidInput as error:
        raise found.located(error) from None


def _read(found: YamlText) -> ChainFile:
    given = found.value
    if not is_object(given):
        raise InvalidInput(f"a chain is written as 'name: …' and 'steps: …', not as {kind(given)}", path="$")
    tags = given.get("intentTags")
    if tags is not None and not (is_array(tags) and all(isinstance(tag, str) for tag in tags)):
        raise InvalidInput("intentTags must be a list of texts", path="$.intentTags")
    return ChainFile(
        name=_text(given, "name"),
        description=_text(given, "description"),
        is_active=_truth(given, "isActive"),
        is_public=_truth(given, "isPublic"),
        intent_tags=None if tags is None else tuple(map(str, tags)),
        document=chain_document.read({name: value for name, value in given.items() if name not in _ABOUT}),
        text=found,
    )


def _text(given: Mapping[str, Json], name: str) -> str | None:
    value = given.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidInput(f"{name} must be a text, not {kind(value)}", path=f"$.{name}")


def _truth(given: Mapping[str, Json], name: str) -> bool | None:
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise InvalidInput(f"{name} must be true or false", path=f"$.{name}")


def write(chain: Chain, document: ChainDocument | None = None) -> str:
    """The file of a chain with its draft, or with the document of a version; what is as by default is left out."""
    made: dict[str, Json] = {"name": chain.name}
    if chain.description is not None:
        made["description"] = chain.description
    if not chain.is_active:
        made["isActive"] = False
    if chain.is_public:
        made["isPublic"] = True
    if chain.intent_tags:
        made["intentTags"] = list(chain.intent_tags)
    return yaml_text.write({**made, **chain_document.write(chain.draft if document is None else document)})
