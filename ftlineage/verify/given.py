"""What a server uses beside the version itself: prompts, retrieval indexes, processors, code, this environment.

Decides what is read for each, and when a section of the card counts as proven: only if everything
it names was given. What cannot be read as typed is the caller's mistake and raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ftlineage.core.card import Card
from ftlineage.core.finding import Finding
from ftlineage.verify import environment_checks, given_checks
from ftlineage.verify.policy import EnvironmentRules, Fact


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare with the card beside the version's own files.

    ``prompts`` and ``retrieval`` go by the card's names; a retrieval index is a path or an address
    as ``ftlineage record --retrieval`` takes it. ``processor`` is a folder or file with the tokenizer
    or processor files that serving loads, ``code`` a file or folder with the preprocessing functions.
    ``environment`` compares this interpreter's packages and this machine. ``revoked`` lists keys
    whose signatures count no longer.
    """

    prompts: Mapping[str, Path] = {}
    retrieval: Mapping[str, str] = {}
    processor: Path | None = None
    code: Path | None = None
    environment: bool = False
    revoked: Path | None = None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison found, and the finding to give if it was demanded and could not be made."""

    fact: Fact
    findings: tuple[Finding, ...] = ()
    absent: Finding | None = None


def judge_given(card: Card, given: Given, rules: EnvironmentRules, *, required: tuple[Fact, ...]) -> list[Judged]:
    """Compare what was given with the card.

    Args:
        card: A card that can judge.
        given: What serving uses.
        rules: How much differences of the environment matter.
        required: Facts that are demanded; the environment is looked at for these too.

    Raises:
        UsageError: A file or index that was named cannot be read as what it should be.
        UndecidedError: A database does not answer.
    """
    judged = [_prompts(card, given.prompts), _retrieval(card, given.retrieval)]
    if given.environment or "environment" in required:
        judged.append(_environment(card, rules, asked=given.environment))
    return judged


def _prompts(card: Card, given: Mapping[str, Path]) -> Judged:
    recorded = card.body.prompts
    texts: dict[str, str] = {}
    if given:
        from ftlineage.sources.prompts import prompt_text

        texts = {name: prompt_text(path) for name, path in given.items()}
    findings = given_checks.check_prompts(recorded, texts)
    return Judged(fact="prompts", findings=tuple(findings), absent=given_checks.prompts_not_given(recorded, texts))


def _retrieval(card: Card, given: Mapping[str, str]) -> Judged:
    recorded = card.body.retrieval
    indexes = {}
    if given:
        from ftlineage.sources.retrieval import observe_retrieval

        indexes = {name: observe_retrieval(name, source) for name, source in given.items()}
    findings = given_checks.check_retrieval(recorded, indexes)
    absent = given_checks.retrieval_not_given(recorded, indexes)
    return Judged(fact="retrieval", findings=tuple(findings), absent=absent)


def _environment(card: Card, rules: EnvironmentRules, *, asked: bool) -> Judged:
    from ftlineage.sources.environment import observe_environment

    recorded = card.body.environment
    here = observe_environment()
    if recorded is None or not any(package.name == "torch" for package in here.packages):
        absent = environment_checks.cannot_tell(recorded)
        return Judged(fact="environment", findings=(absent,) if asked else (), absent=None if asked else absent)
    return Judged(fact="environment", findings=tuple(environment_checks.check_environment(recorded, here, rules)))
