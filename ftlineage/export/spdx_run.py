"""The training run as an SPDX build: what it took, with which tools, in which environment.

Decides that packages are tools, and code, functions and the script inputs. Not claimed is
conformance to the build profile, which demands who invoked it: cards name no users.
"""

from __future__ import annotations

from ftlineage.core import codec
from ftlineage.core.card import Card
from ftlineage.core.sections import Code, Environment
from ftlineage.export import identifiers, values
from ftlineage.export.spdx_graph import Graph, entries
from ftlineage.export.values import present, text


def add_build(card: Card, graph: Graph, model: str) -> None:
    """Add the run and what it used; nothing where the card tells of no run."""
    body = card.body
    if body.recipe is None and body.environment is None and body.code is None and not body.preprocessing.code:
        return
    build = graph.add(
        "build_Build",
        "build",
        build_buildType=identifiers.BUILD_TYPE,
        build_buildId=f"urn:uuid:{identifiers.document_uuid(card, 'run')}",
        build_buildStartTime=values.timestamp(body.run.started),
        build_buildEndTime=values.timestamp(body.run.finished),
        build_environment=entries(_environment(body.environment)),
        build_parameter=entries(values.settings(_asked(card))),
    )
    graph.scoped("hasOutput", build, [model])
    graph.scoped("hasInput", build, _inputs(card, graph))
    graph.scoped("usesTool", build, _packages(body.environment, graph))


def _asked(card: Card) -> dict[str, object]:
    recipe = card.body.recipe
    return present(method=recipe.method, trainer=recipe.trainer) if recipe else {}


def _environment(environment: Environment | None) -> list[tuple[str, str]]:
    if environment is None:
        return []
    said = {key: value for key, value in codec.builtins(environment).items() if key not in ("packages", "variables")}
    return [*values.settings(present(**said)), *values.settings(environment.variables)]


def _packages(environment: Environment | None, graph: Graph) -> list[str]:
    return [
        graph.add(
            "software_Package",
            "package",
            name=text(package.name),
            comment=f"build: {text(package.build)}" if package.build else None,
            software_packageVersion=text(package.version),
            software_packageUrl=identifiers.package_purl(package),
            software_primaryPurpose="library",
        )
        for package in (environment.packages if environment else [])
    ]


def _inputs(card: Card, graph: Graph) -> list[str]:
    body = card.body
    found = []
    if body.recipe is not None and body.recipe.script is not None:
        found.append(_source(graph, body.recipe.script.path, body.recipe.script.sha256, "the training script"))
    for function in body.preprocessing.code:
        if function.sha256 is not None:
            said = present(role=function.role, path=function.path, constants=function.constants)
            found.append(_source(graph, function.name, function.sha256, values.scalar(said)))
    if body.code is not None:
        found.extend(_code(body.code, graph))
    return found


def _code(code: Code, graph: Graph) -> list[str]:
    said = present(repository=code.repository, dirty=code.dirty, incomplete=code.incomplete)
    package = graph.add(
        "software_Package",
        "code",
        name=text(code.repository or "code"),
        software_packageVersion=code.commit,
        software_downloadLocation=identifiers.code_uri(code),
        software_primaryPurpose="source",
        comment=values.lines(said),
    )
    files = [graph.file(one, "untracked", purpose="source") for one in code.untracked]
    if code.diff is not None:
        files.append(_source(graph, "uncommitted.patch", code.diff, "changes to tracked files"))
    return [package, *files]


def _source(graph: Graph, name: str, digest: str, comment: str) -> str:
    return graph.add(
        "software_File",
        "source",
        name=text(name),
        comment=comment,
        software_primaryPurpose="source",
        verifiedUsing=graph.sha256(digest),
    )
