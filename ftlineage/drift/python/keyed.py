"""References that no known loader takes, told by the name they are given under.

Arguments and dict keys such as ``model_name_or_path=`` and ``hf_repo=``, defaults of options, fields
and parameters, class attributes, variables of the environment. Only texts of the exact shape
``owner/name`` count here. Refuses what is uploaded, logged, registered or sent to somebody's API.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from ftlineage.drift.python.apply import Applier, flat
from ftlineage.drift.python.calls import dotted, keyword
from ftlineage.drift.python.emit import Revision, Use
from ftlineage.drift.python.file import option_names
from ftlineage.drift.python.names import (
    Kind,
    kind_of_key,
    kind_of_loose_key,
    kind_of_words,
    plain_key,
    revision_beside,
    shape_of,
)
from ftlineage.drift.python.scope import Function, Place
from ftlineage.drift.python.sinks import find_sinks
from ftlineage.drift.python.slots import call_slot
from ftlineage.drift.python.values import How, Text

Pairs = dict[str, ast.expr]

# Calls that take ids and load nothing.
_SILENT = re.compile(
    r"(?i)(^|\.)_?(push_|upload|create_(repo|commit|branch|tag|collection|model_card)|delete_|register|unregister|log(ger)?\b"
    r"|print|warn|info$|debug|error|Path$|assert|raise|format$|replace$|startswith|endswith|split|join|append$|add_argument"
    r"|parametrize|patch|Mock|Magic|match|search|sub$|compile|model_?card|update_repo|move_repo|save|write|dump|export"
    r"|getenv|environ|route|get$|post|put$|mark|skip|HTTP|Request|Response|Error|Exception|Markdown|HTML|gr\.|st\.)"
)
# Whoever serves these has loaded the model; the name is what a request says.
_REMOTE = re.compile(
    r"(?i)openai|litellm|anthropic|openrouter|together|groq|bedrock|inference_?(provider|endpoint|client)|gemini|vertex"
    r"|cohere|fireworks|replicate|azure|api|chat(?!template)|remote|client|completion|sagemaker|deepinfra|dashscope"
    r"|parasail|endpoint|tgi|deploy"
)
_REQUEST_KEYS = frozenset({"messages", "prompt", "api_key", "base_url", "api_base", "temperature", "stream"})
_ENTRY = re.compile(r"[A-Z]\w*(Meta|Info|Entry|Spec|Card|Source)|Model|Dataset")
_REQUEST_CLASS = re.compile(r".*(Request|Response|Query|Payload)(Body|Params|Model|Schema|Base|Input)?")
_CONFIG = re.compile(
    r".*(Config|Args|Arguments|Params|Parameters|Settings|Spec|Meta|Info|Entry|Options|Model|Source|Card)$"
)
_LOADER = re.compile(
    r"_*(a|get|load|build|create|make|init|initialize|setup|set_up|prepare|fetch|download|cache|from|pull|try|safe|hf|hub"
    r"|maybe|ensure|read|open|use|run|train|launch|test|eval|evaluate)_.*"
)
_LOADER_CLASS = re.compile(
    r"[A-Z]\w*(Model|Encoder|Embedder|Embeddings|Tokenizer|Dataset|Reranker|Ranker|Retriever|LM)"
)
_ENGINE = re.compile(r"(Async|Offline|\w*(LLM|VLM|Inference|Generation|Serving))Engine|(Async|Offline|My|Base)LLM")
_KERNEL = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?(:\w+)?")
_ATTENTION = frozenset({"attn_implementation", "attn", "_attn_implementation", "attention_implementation"})
# The field for a revision in settings classes of well-known frameworks, by the field of the id.
_FIELDS = {
    "LightevalTaskConfig(hf_repo=)": "hf_revision",
    "TransformersModelConfig(model_name=)": "revision",
    "VLMTransformersModelConfig(model_name=)": "revision",
    "VLLMModelConfig(model_name=)": "revision",
    "ModelConfig(model_name_or_path=)": "model_revision",
    "ModelArguments(model_name_or_path=)": "model_revision",
    "ModelParams(model_name=)": "model_revision",
    "ModelMeta(name=)": "revision",
}
_ASKED = re.compile(
    r"(?i)request|body|payload|response|headers|form$|json|session|client|usage|^(r|req|res|resp|data)$"
)
_ENV_SILENT = re.compile(
    r"(?i)image|docker|url|endpoint|api|github|git_|topic|queue|path_prefix|registry|project|workspace|host"
)


class Keyed:
    """Finds references by key in one file."""

    def __init__(self, applier: Applier) -> None:
        self.applier = applier
        self.ev = applier.ev
        self.findings = applier.findings

    # --- calls and dicts -------------------------------------------------------------------------

    def call(self, node: ast.Call, place: Place, qualified: str) -> None:
        """The keywords of a call that is no known loader, and its first argument if its name says that it loads."""
        name = qualified.rpartition(".")[2].removesuffix("()")
        # Of an imported class the module says nothing: `register.Model`.
        if _SILENT.search(name if _ENTRY.fullmatch(name) else qualified):
            self._environment(node, place, qualified)
            return
        pairs = {one.arg: one.value for one in node.keywords if one.arg}
        if len(node.args) > 1 and self._registered(node, place, name, pairs):
            return
        self._pairs(pairs, place, name, node, remote=_REMOTE.search(qualified) is not None)
        if node.args and not _REMOTE.search(qualified):
            # A function of this file that has a loader's name is not that loader.
            kind = None if find_sinks(name) and self.ev.file.function_of(node.func, place) else loaded_by_name(name)
            if kind is not None:
                self._one(node.args[0], place, kind, name, node, revision=self._sibling("", pairs, place))

    def _registered(self, node: ast.Call, place: Place, name: str, pairs: Pairs) -> bool:
        """An entry of a registry with ids of several hubs, told apart by the names of its class's fields."""
        ids = [one for one in node.args if isinstance(one, ast.Constant) and is_id(one.value)]
        if len(ids) != 2:  # noqa: PLR2004 - one for each of two hubs
            return False
        fields = self.ev.file.fields_of(node.func)
        given = dict(zip(fields, node.args, strict=False))
        if any(kind_of_key(key) for key, value in given.items() if value in ids):
            self._pairs({**given, **pairs}, place, name, node, remote=False)
            return True
        if fields or not _CONFIG.fullmatch(name):
            return False
        # The class is not in this file: those who keep two hubs write the Hub's id last.
        revision = self._sibling("hf_model_id", pairs, place)
        self._one(ids[1], place, kind_of_words(name) or "model", name, node, revision=revision)
        return True

    def dictionary(self, node: ast.Dict, place: Place) -> None:
        """The entries of a dict literal."""
        pairs = {
            key.value: value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }
        self._pairs(pairs, place, "", node, remote=bool(_REQUEST_KEYS & pairs.keys()))

    def _pairs(self, pairs: Pairs, place: Place, name: str, node: ast.expr, *, remote: bool) -> None:
        for key, value in pairs.items():
            if key in _ATTENTION:
                self._kernel(value, place, node)
                continue
            kind = self._kind(key, name, pairs)
            if kind is None or (remote and kind == "model" and not self._has_revision(key, pairs)):
                continue
            via = f"{name}({key}=)" if name else f'"{key}"'
            given = self._sibling(key, pairs, place)
            if (
                via in _FIELDS
                and given.known
                and given.text is None
                and isinstance(node, ast.Call)
                and not _is_spread(node)
            ):
                slot = given.slot or call_slot(self.findings.source, node, _FIELDS[via])
                given = Revision(slot=slot, unpinnable=given.unpinnable)
            elif isinstance(node, ast.Call) and _is_spread(node) and not self._has_revision(key, pairs):
                given = Revision(known=False, unpinnable="arguments handed on may hold a revision")
            self._one(value, place, kind, via, node, revision=given)

    def _kind(self, key: str, name: str, pairs: Pairs) -> Kind | None:
        kind = kind_of_key(key)
        if kind is not None and not (kind == "model" and key in {"repo_id", "hf_repo", "hf_repo_id"}):
            return kind
        if self._has_revision(key, pairs) or (key == "model" and (_CONFIG.fullmatch(name) or _ENGINE.fullmatch(name))):
            loose = kind_of_loose_key(key)
            return (_kind_around(name, pairs) or loose) if key in {"path", "name"} or kind else loose
        if kind is not None:
            return _kind_around(name, pairs) or kind
        return kind_of_words(key) if name and (_LOADER.fullmatch(name) or _CONFIG.fullmatch(name)) else None

    def _has_revision(self, key: str, pairs: Pairs) -> bool:
        return revision_beside(key, pairs) is not None

    def _sibling(self, key: str, pairs: Pairs, place: Place) -> Revision:
        """The revision that stands beside an id."""
        beside = revision_beside(key, pairs)
        if beside is not None:
            return self.applier.revision_of((pairs[beside], place), beside)
        return Revision(unpinnable="no field for a revision is known here")

    def _one(self, value: ast.expr, place: Place, kind: Kind, via: str, node: ast.expr, *, revision: Revision) -> None:
        if id(value) in self.findings.consumed:
            return
        for text in flat(self.ev, self.ev.values(value, place)):
            if not isinstance(text, Text) or not is_reference(text):
                continue
            if id(text.node) in self.findings.consumed and text.how >= How.ITEM and revision.text is None:
                continue
            span = (node.lineno, node.end_lineno or node.lineno)
            code = isinstance(node, ast.Call) and _is_true(keyword(node, "trust_remote_code"))
            self.findings.text(
                text, Use(kind=kind, via=via, node=value, span=span, revision=revision, strict=True, remote_code=code)
            )

    def _kernel(self, value: ast.expr, place: Place, node: ast.expr) -> None:
        """``attn_implementation="org/kernel@rev"``: compiled code from the Hub."""
        for text in self.ev.values(value, place):
            if (
                isinstance(text, Text)
                and _KERNEL.fullmatch(text.text)
                and shape_of(text.text.partition(":")[0]) == "id"
            ):
                use = Use(kind="code", via="attn_implementation", node=value, strict=True, remote_code=True,
                          span=(node.lineno, node.end_lineno or node.lineno),
                          revision=Revision(unpinnable="the revision is part of its name"))  # fmt: skip
                self.findings.text(Text(text.text.partition(":")[0], text.node, text.how), use)

    def _environment(self, node: ast.Call, place: Place, qualified: str) -> None:
        """``os.getenv("BASE_MODEL", "org/name")``."""
        if len(node.args) < 2:  # noqa: PLR2004 - name, default
            return
        if not qualified.endswith(("getenv", "environ.get")):
            self._looked_up(node, place, qualified)
            return
        variable = self.ev.text(node.args[0], place) or ""
        if _ENV_SILENT.search(variable):
            return
        self._default(variable, node.args[1], place, kind_of_words(variable) or "model", via="os.environ")

    def _looked_up(self, node: ast.Call, place: Place, qualified: str) -> None:
        """``settings.get("model_id", "org/name")``, unless it is a request that is read."""
        key = node.args[0]
        owner = qualified.removesuffix(".get")
        if owner == qualified or _ASKED.search(owner) or not isinstance(key, ast.Constant):
            return
        name = key.value if isinstance(key.value, str) else ""
        kind = kind_of_key(name)
        if kind is not None:
            self._default(name, node.args[1], place, kind, via=f'"{name}"')

    # --- definitions -----------------------------------------------------------------------------

    def definitions(self, body: Iterable[tuple[Place, ast.stmt]]) -> None:
        """Defaults and attributes that no loader of this file has been seen to read."""
        for place, statement in body:
            if _is_request(place):
                continue
            for name, value, where, siblings in self._defined(place, statement):
                kind = kind_of_loose_key(name)
                if kind == "model" and "repo" in name:
                    kind = _kind_around("", siblings) or kind
                if kind is not None and plain_key(name) not in {"name", "path", "data"}:
                    self._default(name, value, where, kind, via=name, siblings=siblings)

    def _defined(self, place: Place, statement: ast.stmt) -> Iterator[tuple[str, ast.expr, Place, Pairs]]:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self._params(statement, place)
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                if isinstance(place.scope.node, ast.ClassDef):
                    yield name, value, place, self._fields(place)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if isinstance(place.scope.node, ast.ClassDef):
                    yield name.lstrip("_"), value, place, self._fields(place)
            case ast.Expr(value=ast.Call() as call):
                if isinstance(call.func, ast.Attribute) and call.func.attr in {"add_argument", "add_option"}:
                    default = keyword(call, "default")
                    names = option_names(call)
                    if default is not None and names:
                        yield names[0], default, place, {key: held[0][0] for key, held in self.ev.file.options.items()}

    def _params(self, function: Function, place: Place) -> Iterator[tuple[str, ast.expr, Place, Pairs]]:
        params = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        held = {one.arg: self.ev.file.param_default(function, one.arg) for one in params}
        pairs = {name: value for name, value in held.items() if value is not None}
        for name, value in pairs.items():
            yield name, value, place, pairs

    def _fields(self, place: Place) -> Pairs:
        return {
            name.lstrip("_"): bound[-1].node
            for name, bound in place.scope.names.items()
            if isinstance(bound[-1].node, ast.expr)
        }

    def _default(
        self, name: str, value: ast.expr, place: Place, kind: Kind, *, via: str, siblings: Pairs | None = None
    ) -> None:
        revision = self._sibling(name, siblings or {}, place)
        if revision.slot is None and revision.text is None and revision.known:
            revision = Revision(unpinnable="a default: nothing beside it takes a revision")
        if not revision.known:
            revision = Revision(unpinnable=revision.unpinnable)
        for text in self.ev.values(value, place):
            if isinstance(text, Text) and is_reference(text) and id(text.node) not in self.findings.consumed:
                held = Text(text.text, text.node, How.DEFAULT)
                span = (value.lineno, value.end_lineno or value.lineno)
                self.findings.text(held, Use(kind=kind, via=via, node=value, span=span, revision=revision, strict=True))


def is_id(value: object) -> bool:
    """Whether a constant is ``owner/name``."""
    return isinstance(value, str) and shape_of(value) == "id"


def is_reference(text: Text) -> bool:
    """Whether a text is surely an id: ``owner/name``, and for a list of adapters a folder within."""
    return shape_of(text.text.rstrip("/")) == "id" and not text.foreign


def loaded_by_name(name: str) -> Kind | None:
    """What a call loads that says so by its name: ``load_hub_dataset``, ``HubEncoder``."""
    if _LOADER.fullmatch(name) or _LOADER_CLASS.fullmatch(name):
        return kind_of_words(name)
    return "model" if _ENGINE.fullmatch(name) else None


def _kind_around(name: str, pairs: Pairs) -> Kind | None:
    """What a call or its other keys speak of: ``hf_subset`` and ``splits`` belong to datasets."""
    keys = {key.lower() for key in pairs}
    marks = {
        "hf_subset",
        "split",
        "splits",
        "subset",
        "hf_avail_splits",
        "evaluation_splits",
        "eval_splits",
        "data_files",
    }
    if keys & marks or "Task" in name:
        return "dataset"
    return kind_of_words(name) if name else None


def _is_request(place: Place) -> bool:
    """Whether a field's class is what a client sends or gets: the model in it is a name, and loads nothing."""
    held = place.scope.node
    if not isinstance(held, ast.ClassDef):
        return False
    fields = {
        one.target.id
        for _, one in place.scope.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }
    typed = "prompt" in fields and any(dotted(one).endswith("BaseModel") for one in held.bases)
    return _REQUEST_CLASS.fullmatch(held.name) is not None or "messages" in fields or typed


def _is_spread(node: ast.Call) -> bool:
    return any(one.arg is None for one in node.keywords)


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
