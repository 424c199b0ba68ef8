"""The sections of a lineage card as frozen values; ``docs/card-spec.md`` explains each key.

Field order is the order of keys in ``lineage.json``. Keys this release does not know are kept in
the card's document and stay inside its id, so a newer minor format can be read and passed on.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ftlineage.core.digest import CardId, CommitSha, Sha256

Evidence = Literal["observed", "declared"]
Size = Annotated[int, msgspec.Meta(ge=0)]


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One file: path relative to its folder with ``/``, size in bytes, SHA-256 of its bytes."""

    path: str
    size: Size
    sha256: Sha256


# --- base --------------------------------------------------------------------------------------


class LoadedAs(msgspec.Struct, frozen=True, kw_only=True, rename={"class_": "class"}):
    """How the base was instantiated; each of these changes activations.

    ``config`` is what the trained model's configuration says differently from the base's own
    ``config.json``: classes and their names, padding token, size of the vocabulary.
    """

    class_: str
    dtype: str | None = None
    quantization: dict[str, Any] | None = None
    attention: str | None = None
    # Left out of the card where there is nothing, as in every card that was written before it existed.
    config: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The model that was adapted.

    ``revision`` is the Hub commit that was loaded, or null for a local folder; ``requested`` is
    what the user wrote (``main``, a tag, a SHA, or null for "no revision named").
    """

    model: str
    requested: str | None = None
    revision: CommitSha | None = None
    origin: Literal["hub", "local"]
    files: list[FileRecord] = []
    code_revision: str | None = None
    loaded_as: LoadedAs | None = None
    evidence: Evidence = "observed"


# --- preprocessing -----------------------------------------------------------------------------


class Preprocessor(msgspec.Struct, frozen=True, kw_only=True, rename={"class_": "class"}):
    """A tokenizer, processor, image processor or feature extractor and where it came from."""

    kind: Literal["tokenizer", "processor", "image_processor", "feature_extractor", "video_processor"]
    class_: str
    source: str | None = None
    revision: CommitSha | None = None
    files: list[FileRecord] = []
    settings: dict[str, Any] = {}


class ChatTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """One chat template, whole: a changed space changes every prompt."""

    name: str
    text: str
    sha256: Sha256


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """Fixed probe messages rendered through a template; equal digests mean the same prompt format.

    ``refused`` is the class of the error with which the template refuses the probe; ``sha256`` is
    then of that name.
    """

    probe: str
    template: str
    sha256: Sha256
    refused: str | None = None


class CodeDigest(msgspec.Struct, frozen=True, kw_only=True):
    """A user function that touches the data (formatting, collation, image transforms), by source text."""

    name: str
    role: str
    sha256: Sha256 | None = None
    path: str | None = None
    constants: dict[str, Any] = {}


class Preprocessing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything between a data row and the model's input."""

    processors: list[Preprocessor] = []
    chat_templates: list[ChatTemplate] = []
    renderings: list[Rendering] = []
    settings: dict[str, Any] = {}
    code: list[CodeDigest] = []


# --- data --------------------------------------------------------------------------------------


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """Content digests over every row: ``ordered`` binds row order, ``unordered`` does not."""

    algorithm: str
    ordered: Sha256
    unordered: Sha256 | None = None


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column and its logical type, independent of Arrow encoding.

    ``labels`` are the names behind the numbers of a ``ClassLabel``: swap two and every row means
    something else, with the same rows.
    """

    name: str
    type: str
    labels: list[str] | None = None


class DataSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where a dataset came from; ``commit`` is the Hub commit that was really loaded."""

    kind: Literal["hub", "file", "folder", "memory", "stream"]
    id: str | None = None
    requested: str | None = None
    commit: CommitSha | None = None
    config: str | None = None
    split: str | None = None
    format: str | None = None
    files: list[FileRecord] = []


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """The rows as the trainer saw them, after templating, tokenising and packing."""

    rows: Size
    columns: list[Column]
    fingerprint: Fingerprint


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset of a run. Its rows are never in a card."""

    name: str
    role: str = "train"
    source: DataSource
    rows: Size | None = None
    schema: list[Column] = []
    fingerprint: Fingerprint | None = None
    prepared: Prepared | None = None
    snapshot: str | None = None
    license: str | None = None
    personal_data: str | None = None
    evidence: Evidence = "observed"


# --- prompts, retrieval ------------------------------------------------------------------------


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt or template; ``text`` is left out when it is private."""

    name: str
    role: str = "system"
    text: str | None = None
    sha256: Sha256
    variables: list[str] = []


class EmbeddingModel(msgspec.Struct, frozen=True, kw_only=True):
    """The model that made a retrieval index's vectors."""

    model: str
    revision: CommitSha | None = None
    digest: str | None = None


class Retrieval(msgspec.Struct, frozen=True, kw_only=True):
    """A retrieval index as it stood: engine, its own version, content digest and count of entries.

    ``algorithm`` says how ``digest`` was made, null where the object gave its own; digests of
    different algorithms cannot be compared.
    """

    name: str
    kind: str
    version: str | None = None
    digest: str
    count: Size | None = None
    embedding_model: EmbeddingModel | None = None
    chunking: dict[str, Any] | None = None
    evidence: Evidence = "observed"
    algorithm: str | None = None


# --- adapter -----------------------------------------------------------------------------------


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor: where it is, its type and shape, and SHA-256 of its bytes as stored."""

    file: str
    name: str
    dtype: str
    shape: list[Size]
    sha256: Sha256


class TensorHeader(msgspec.Struct, frozen=True, kw_only=True):
    """SHA-256 of a safetensors file's first bytes (length prefix and header).

    With the digests of its tensors it covers every byte of the file, because files with holes
    are refused; so a large file can be verified on several cores.
    """

    file: str
    sha256: Sha256
    size: Size


class Tensors(msgspec.Struct, frozen=True, kw_only=True):
    """All tensors of an adapter; ``digest`` is independent of file layout and header metadata."""

    count: Size
    parameters: Size
    digest: Sha256
    headers: list[TensorHeader] = []
    entries: list[Tensor] = []


class AdapterMember(msgspec.Struct, frozen=True, kw_only=True):
    """One of several adapters in a folder (the one at the top has the name ``default`` and the folder ``.``)."""

    name: str
    folder: str
    type: str
    config: dict[str, Any]
    config_digest: Sha256
    init: str | None = None
    target_modules: list[str] = []
    revision: str | None = None


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """The trained weights: a PEFT adapter, several, or a full fine-tune (``type: full``)."""

    type: str
    config: dict[str, Any] = {}
    config_digest: Sha256 | None = None
    files: list[FileRecord] = []
    tensors: Tensors | None = None
    init: str | None = None
    target_modules: list[str] = []
    members: list[AdapterMember] = []
    evidence: Evidence = "observed"


# --- recipe, code, environment -----------------------------------------------------------------


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """The training script by digest; its text stays out of the card."""

    path: str
    sha256: Sha256


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How it was trained: every argument that differs from its default, and all seeds."""

    method: str | None = None
    trainer: str | None = None
    arguments: dict[str, Any] = {}
    seeds: dict[str, int] = {}
    world_size: int | None = None
    resumed: bool = False
    script: Script | None = None
    evidence: Evidence = "observed"


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """The repository the script lives in, as it stood: commit, changes to tracked files, new files.

    ``commit`` is null before the first commit; ``dirty`` is null when Git could not compare.
    ``incomplete`` says in words what of this section could not be observed.
    """

    repository: str | None = None
    commit: CommitSha | None = None
    dirty: bool | None = None
    diff: Sha256 | None = None
    untracked: list[FileRecord] = []
    incomplete: str | None = None


class Cpu(msgspec.Struct, frozen=True, kw_only=True):
    """What decides floating point on this machine (research note T12)."""

    model: str | None = None
    architecture: str | None = None
    capability: str | None = None
    threads: int | None = None


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """One visible GPU."""

    name: str
    capability: str | None = None
    memory: int | None = None


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """An installed distribution; ``build`` tells apart builds of one version."""

    name: str
    version: str
    build: str | None = None


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Software and hardware as far as they can change the result. No host or user names."""

    python: str | None = None
    implementation: str | None = None
    os: str | None = None
    cpu: Cpu | None = None
    gpus: list[Gpu] = []
    driver: str | None = None
    cuda: str | None = None
    packages: list[Package] = []
    determinism: dict[str, Any] = {}
    variables: dict[str, str] = {}
    evidence: Evidence = "observed"


# --- parents and what is outside the id --------------------------------------------------------


class Parent(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier version this one was made from."""

    relation: Literal["continued", "merged", "amended"]
    card: CardId | None = None
    name: str | None = None
    digest: str | None = None


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The run that made it: times and outcomes, outside the id so that a replay gets the same id."""

    started: str | None = None
    finished: str | None = None
    complete: bool = True
    steps: int | None = None
    epochs: float | None = None
    metrics: dict[str, Any] = {}
    flops: str | None = None
    resumed_from: str | None = None
    recorded_by: str | None = None


class Governance(msgspec.Struct, frozen=True, kw_only=True):
    """What people decided about it; outside the id because it changes after training."""

    owner: str | None = None
    intended_use: str | None = None
    prohibited_use: str | None = None
    license: str | None = None
    retain_until: str | None = None


class Unrecorded(msgspec.Struct, frozen=True, kw_only=True):
    """Something a card should hold and does not, with the reason."""

    section: str
    element: str | None = None
    reason: str
