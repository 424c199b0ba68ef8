"""Datasets on the Hub: resolved first, loaded by commit, and the commit read back.

Decides the commit by asking the Hub, hands ``datasets`` nothing but its 40 hex digits, checks the
downloaded files against the digests of that commit, and asserts the commit in what was loaded:
offline, or when the Hub fails, ``datasets`` quietly gives whatever it built last (trap T5). Refused:
rows of any other commit.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ftlineage.core.sections import DataSource, FileRecord
from ftlineage.errors import BadArgumentError, BadInputError, BadReferenceError, RevisionMismatchError
from ftlineage.hashing.progress import progress_bar
from ftlineage.sources.data_files import choose_split
from ftlineage.sources.data_tables import quiet
from ftlineage.sources.hub import HubCommit, check_files, fetch_files, resolve_revision
from ftlineage.sources.hub_errors import hub_errors

PREFIX = "hf://datasets/"
TIMEOUT = 10.0
_README = "README.md"
_FORM = re.compile(
    r"(?P<repo>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>[^:]+))?(?::(?P<config>[^/:]*)(?:/(?P<split>.+))?)?"
)


class HubData(msgspec.Struct, frozen=True, kw_only=True):
    """What ``hf://datasets/org/name[@revision][:config/split]`` names."""

    repo: str
    revision: str | None = None
    config: str | None = None
    split: str | None = None


class LoadedHubData(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one split at one commit."""

    dataset: Any
    source: DataSource
    license: str | None


def parse_hub_data(
    text: str, *, revision: str | None = None, config: str | None = None, split: str | None = None
) -> HubData:
    """Read a reference, and fill in what was given beside it.

    Raises:
        BadReferenceError: It is no reference to a dataset on the Hub.
        BadArgumentError: The reference and an argument name two different things.
    """
    match = _FORM.fullmatch(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else None
    if match is None:
        raise BadReferenceError(reference=text, reason=f"it is not {PREFIX}org/name[@revision][:config/split]")
    given = {"revision": revision, "config": config, "split": split}
    for key, value in given.items():
        if value is not None and match[key] and match[key] != value:
            raise BadArgumentError(argument=key, reason=f"it is {value!r}, and {match[key]!r} in {text}")
    return HubData(repo=match["repo"], **{key: match[key] or value for key, value in given.items()})


def load_hub_data(wanted: HubData, *, timeout: float = TIMEOUT) -> LoadedHubData:
    """Load one split of a dataset at the commit that its revision means now.

    Raises:
        UndecidedError: The Hub cannot tell the commit, or a file cannot be had.
        RevisionMismatchError: ``datasets`` loaded another commit.
        DigestMismatchError: A downloaded file is not what the commit says.
        BadInputError: No such configuration or split, or files that are no data.
    """
    commit = resolve_revision(wanted.repo, wanted.revision, repo_type="dataset", timeout=timeout)
    with quiet(), _data_errors(wanted, timeout):
        builder = _builder(commit, wanted.config, timeout)
        _require_commit(commit, str(builder.hash))
        files = _checked_files(builder, commit, timeout)
        builder.download_and_prepare()
        available = [str(name) for name in builder.info.splits or {}]
        # A slice such as train[:10%] is understood by datasets itself.
        chosen = wanted.split if wanted.split and "[" in wanted.split else None
        chosen = chosen or choose_split(available, wanted.split, wanted.repo)
        dataset = builder.as_dataset(split=chosen)
    for entry in dataset.cache_files:
        _require_commit(commit, Path(entry["filename"]).parent.name)
    source = DataSource(
        kind="hub",
        id=wanted.repo,
        requested=wanted.revision,
        commit=commit.sha,
        config=builder.config.name,
        split=chosen,
        files=files.get(chosen, []),
    )
    return LoadedHubData(dataset=dataset, source=source, license=_license(commit))


def _builder(commit: HubCommit, config: str | None, timeout: float) -> Any:
    from datasets import load_dataset_builder

    kept = _prepared_earlier(commit, config) if commit.cached else None
    if kept is not None:
        return kept
    # datasets asks for the README first, even where there is none, and for minutes if the Hub hangs; here one
    # refusal is enough.
    first = sorted(commit.files, key=lambda file: (file.path != _README, file.size or 0))[:1]
    fetch_files(commit, [file.path for file in first], timeout=timeout)
    return load_dataset_builder(commit.repo, config, revision=commit.sha)


def _prepared_earlier(commit: HubCommit, config: str | None) -> Any | None:
    """What ``datasets`` built from exactly this commit; by itself it would take the newest of any commit."""
    from datasets import config as settings
    from datasets.naming import camelcase_to_snakecase
    from datasets.packaged_modules.cache.cache import Cache

    namespace, _, name = commit.repo.rpartition("/")
    folder = "___".join(part for part in (namespace, camelcase_to_snakecase(name)) if part)
    built = sorted((Path(settings.HF_DATASETS_CACHE) / folder).glob(f"{config or '*'}/*/{commit.sha}"))
    if len(built) != 1:
        return None
    return Cache(
        dataset_name=name,
        repo_id=commit.repo,
        config_name=built[0].parent.parent.name,
        version=built[0].parent.name,
        hash=commit.sha,
    )


def _require_commit(commit: HubCommit, got: str) -> None:
    if got != commit.sha:
        hint = "datasets fell back to its cache: run again with the Hub in reach"
        raise RevisionMismatchError(repo=commit.repo, asked=commit.sha, got=got, hint=hint)


def _checked_files(builder: Any, commit: HubCommit, timeout: float) -> dict[str, list[FileRecord]]:
    """Bring the data files into the cache and compare them with the commit, before rows are made of them."""
    by_split = {str(split): _inside(files, commit) for split, files in (builder.config.data_files or {}).items()}
    if any(paths is None for paths in by_split.values()):
        return {}  # files outside the repository: the rows are all that can be checked
    paths = sorted({path for files in by_split.values() for path in files or ()})
    if not Path(builder.cache_dir).is_dir():
        fetch_files(commit, paths, timeout=timeout)
    if not paths or not all((commit.folder / path).is_file() for path in paths):
        return {}  # rows made earlier, and their files removed since
    with progress_bar(None, f"Checking {commit.repo}") as update:
        records = {record.path: record for record in check_files(commit, paths, update=update)}
    return {split: [records[path] for path in sorted(set(files or ()))] for split, files in by_split.items()}


def _inside(files: Any, commit: HubCommit) -> list[str] | None:
    start = f"{PREFIX}{commit.repo}@{commit.sha}/"
    names = [str(name) for name in files]
    return [name.removeprefix(start) for name in names] if all(name.startswith(start) for name in names) else None


def _license(commit: HubCommit) -> str | None:
    """The license that the dataset's README declares."""
    from huggingface_hub import DatasetCard

    try:
        card = DatasetCard((commit.folder / _README).read_text(encoding="utf-8"), ignore_metadata_errors=True)
    except (OSError, ValueError):
        return None
    found = card.data.to_dict().get("license")
    return ", ".join(map(str, found)) if isinstance(found, list) else found and str(found)


@contextlib.contextmanager
def _data_errors(wanted: HubData, timeout: float) -> Iterator[None]:
    """What ``datasets`` raises about the data itself; the rest is about the Hub."""
    from datasets.data_files import EmptyDatasetError
    from datasets.exceptions import DataFilesNotFoundError, DatasetGenerationError, DatasetNotFoundError

    with hub_errors(wanted.repo, kind="dataset", revision=wanted.revision, timeout=timeout):
        try:
            yield
        except (EmptyDatasetError, DataFilesNotFoundError) as error:
            raise BadInputError(path=wanted.repo, reason="it holds no data files that datasets can read") from error
        except DatasetGenerationError as error:
            cause = str(error.__cause__ or error).strip().splitlines()[0].rstrip(".")
            raise BadInputError(path=wanted.repo, reason=f"its files cannot be read: {cause}") from error
        except (DatasetNotFoundError, ConnectionError) as error:
            # What they wrap says more: refused, gated, timed out.
            raise error.__cause__ or error from None
        except ValueError as error:
            reason = _about_names(str(error))
            if reason is None:
                raise
            raise BadInputError(path=wanted.repo, reason=reason) from error


def _about_names(message: str) -> str | None:
    found = re.match(r"BuilderConfig '(.*)' not found\. Available: \[(.*)\]", message)
    if found:
        return f"it has no configuration {found[1]!r}; there is {found[2].replace(chr(39), '')}"
    found = re.match(r"Config name is missing\.\s+Please pick one among the available configs: \[(.*)\]", message)
    if found:
        return f"it has several configurations ({found[1].replace(chr(39), '')}), and none was named"
    found = re.match(r"(Unknown split|Requested slice|Unrecognized)", message)
    return message.splitlines()[0].rstrip(".") if found else None
