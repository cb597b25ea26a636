"""The catalogue: every sentence that the console says, by its name, in one file for a language.

What the workflows say themselves, the questions and what each answer does, is the one table of
`invoicing.state.questions`, which all doors show.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from invoicing.state.questions import QUESTIONS, Reason

_STEP = re.compile(r"(?P<name>\w+)(?:\[(?P<at>\d{1,6})\])?")
_PLACE = re.compile(r"\bdocument(?:\.\w{1,60}(?:\[\d{1,6}\])?){1,10}(?=: )")
ENGLISH = Path(__file__).with_name("english.toml")


class Words:
    """The sentences of one file."""

    def __init__(self, file: Path = ENGLISH) -> None:
        self.sentences: Mapping[str, str] = dict(_flat(tomllib.loads(file.read_text("utf-8"))))

    def __call__(self, name: str, /, **values: object) -> str:
        """The sentence of this name, with these values in it. KeyError for one there is not."""
        return self.sentences[name].format(**values)

    def of(self, group: str, word: object) -> str:
        """How a word of ours is said to people, such as a status; the word itself where the
        catalogue has none."""
        return self.sentences.get(f"{group}.{word}", str(word))

    def labelled(self, group: str, name: object) -> str:
        """The same of a field or a choice that may be a provider's own: without an entry, its name
        as it would be written."""
        written = str(name)
        return self.sentences.get(f"{group}.{written}") or written.replace("_", " ")

    def place(self, path: str) -> str:
        """Where a mistake is, of a path such as `document.lines[0].unit_price`."""
        steps = [_STEP.fullmatch(step) for step in path.split(".")[1:]]
        named = [
            self.labelled("field", each["name"]) + (f" {int(each['at']) + 1}" if each["at"] else "")
            for each in steps
            if each
        ]
        return " · ".join(named) if named and all(steps) else path

    def placed(self, text: str) -> str:
        """A sentence about mistakes, with words for where each is."""
        return _PLACE.sub(lambda found: self.place(found[0]), text)

    def decision(self, kind: str) -> str:
        """What needs two people: an instruction, or an answer."""
        return self.sentences.get(f"second.{kind}") or self.of("answer", kind)

    def asked(self, reason: str) -> str:
        """What is asked of a person for this reason, as lists know it."""
        if reason in tuple(Reason):
            return QUESTIONS[Reason(reason)].sentence
        return self.of("waits", reason)

    def spoken(self, waiting_for: str) -> str:
        """Whom it waits for and why, of what lists have as `person: amounts_differ`."""
        whom, _, what = waiting_for.partition(": ")
        name = f"waits.{whom}"
        return self(name, what=self.asked(what)) if name in self.sentences else waiting_for


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
