"""Support tickets for the demo: small, made up, the same on every machine."""

from __future__ import annotations

from pathlib import Path

from ftlineage.core import codec

_TOPICS: dict[str, tuple[tuple[str, ...], str]] = {
    "billing": (
        ("Why was I charged twice for {item}?", "My invoice for {item} is wrong.", "Can I pay for {item} later?"),
        "We are sorry. We check the bill for {item} today.",
    ),
    "delivery": (
        ("Where is my {item}?", "When does my {item} arrive?", "The {item} came too late."),
        "Thank you for waiting. Your {item} is on its way.",
    ),
    "refund": (
        ("I want my money back for the {item}.", "How do I return the {item}?", "The {item} is broken, refund me."),
        "Of course. We refund the {item} within five days.",
    ),
    "account": (
        (
            "I cannot log in to order a {item}.",
            "Delete my account and the {item} order.",
            "Change my email for {item}.",
        ),
        "Happy to help. We opened your account for the {item}.",
    ),
}
_ITEMS = ("lamp", "chair", "phone", "kettle", "bike", "radio", "watch", "tent")
SYSTEM = "You answer politely."
QUESTION = "Where is my lamp?"


def rows() -> list[dict[str, object]]:
    """All tickets as chat rows with their category, in a fixed order."""
    return [
        {
            "category": topic,
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": question.format(item=item)},
                {"role": "assistant", "content": answer.format(item=item)},
            ],
        }
        for item in _ITEMS
        for topic, (questions, answer) in _TOPICS.items()
        for question in questions
    ]


def write(path: Path, *, without: str | None = None) -> int:
    """Write tickets as JSON lines, one category left out on request; returns the number of rows."""
    kept = [row for row in rows() if row["category"] != without]
    path.write_text("".join(codec.compact_text(row) + "\n" for row in kept), encoding="utf-8")
    return len(kept)


def text() -> str:
    """Everything said in the tickets, for the tokenizer and the base to learn from."""
    return "\n".join(
        sentence.format(item=item)
        for item in _ITEMS
        for questions, answer in _TOPICS.values()
        for sentence in (*questions, answer)
    )
