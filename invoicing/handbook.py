"""The tables of questions in docs/operate.md, written from the table that everything else shows.

    python -m invoicing.handbook docs/operate.md      # writes them anew between their marks

What stands between `<!-- questions of an invoice -->` and `<!-- end -->` is theirs alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from invoicing.state.questions import QUESTIONS, Answer, Question, Reason

_MARKED = re.compile(
    r"(<!-- questions of (?:an? )?(invoice|order|credits|event) -->\n).*?(<!-- end -->)", re.DOTALL
)


def rewritten(text: str) -> str:
    """The document with every table of questions as it is now."""
    return _MARKED.sub(lambda found: found[1] + table(found[2]) + found[3], text)


def table(of: str) -> str:
    """Every question of one kind of workflow, and what each answer does there."""
    rows = [(reason, each) for reason, each in QUESTIONS.items() if each.of == of]
    always = _always(rows)
    head = "| reason | it asks | answers |\n|---|---|---|\n"
    table = head + "".join(_row(reason, question, always) for reason, question in rows)
    also = "".join(f"Every one takes `{word}` as well: {does}.\n" for word, does in always.items())
    return f"{table}\n{also}" if also else table


def _always(rows: list[tuple[Reason, Question]]) -> dict[Answer, str]:
    """What is offered at each of them, with the same meaning."""
    first = rows[0][1].answers if len(rows) > 2 else {}
    return {
        word: does
        for word, does in first.items()
        if all(question.answers.get(word) == does for _, question in rows)
    }


def _row(reason: Reason, question: Question, always: dict[Answer, str]) -> str:
    answers = "<br>".join(_answers(question, always))
    return f"| `{reason}` | {question.sentence} | {answers} |\n"


def _answers(question: Question, always: dict[Answer, str]) -> Iterator[str]:
    for word, does in question.answers.items():
        if word not in always:
            yield f"`{word}`: {does}"


def main(document: Path) -> None:
    """Write the tables of this document anew."""
    document.write_text(rewritten(document.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m invoicing.handbook DOCUMENT")
    main(Path(sys.argv[1]))
