from __future__ import annotations

import getpass
import os
import platform
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from ftlineage.core import codec
from ftlineage.core.sections import Environment
from ftlineage.sources import environment
from ftlineage.sources.environment import (
    VARIABLES,
    allowed_variables,
    determinism_flags,
    loaded_torch,
    observe_environment,
    system_name,
)

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
{prelude}
from ftlineage.core import codec
from ftlineage.sources.environment import observe_environment
section = codec.builtins(observe_environment())
del section["packages"]
sys.stdout.write(codec.compact_text(section))
"""


def elsewhere(prelude: str = "", **variables: str) -> dict:
    """The environment section of another process, without its packages."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(prelude=prelude)],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        check=True,
        timeout=120,
    )
    return codec.parse(run.stdout)


def test_what_is_recorded():
    found = observe_environment()

    assert found.python == platform.python_version()
    assert found.implementation == "CPython"
    assert found.cpu is not None
    assert found.cpu.architecture == platform.machine()
    assert {"ftlineage", "msgspec", "torch"} <= {package.name for package in found.packages}
    assert found.evidence == "observed"
    assert msgspec.convert(codec.builtins(found), Environment) == found


def test_two_looks_are_equal():
    assert observe_environment() == observe_environment()


def test_it_is_quick():
    observe_environment()
    begin = time.perf_counter()
    observe_environment()

    # Measured: 8 ms for 142 packages. A parser of METADATA files takes ten times that.
    assert time.perf_counter() - begin < 0.15


def test_nothing_names_the_machine_its_user_or_its_folders():
    text = codec.compact_text(codec.builtins(observe_environment()))

    assert socket.gethostname() not in text
    assert str(Path.home()) not in text
    assert str(ROOT) not in text
    assert sys.prefix not in text
    assert platform.release() not in text
    assert getpass.getuser() == "root" or getpass.getuser() not in text


def test_torch_is_not_imported_to_look_at_it():
    assert elsewhere("", PYTHONPATH=str(ROOT))["determinism"] == {}
    found = elsewhere(
        "import ftlineage.sources.environment as e; e.observe_environment(); assert 'torch' not in sys.modules"
    )
    assert found["cpu"]["capability"] is None
    assert found["cpu"]["threads"] >= 1


@pytest.fixture
def torch():
    """The module, with its settings put back afterwards."""
    import torch

    threads, precision = torch.get_num_threads(), torch.backends.cuda.matmul.fp32_precision
    yield torch
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.fp32_precision = precision
    torch.backends.cudnn.deterministic = False
    torch.use_deterministic_algorithms(mode=False)


def test_t12_threads_and_instruction_set_are_recorded(torch):
    torch.set_num_threads(2)
    here = observe_environment()
    there = elsewhere("import torch", OMP_NUM_THREADS="1", ATEN_CPU_CAPABILITY="default")

    assert here.cpu is not None
    assert (here.cpu.threads, here.cpu.capability) == (2, torch.backends.cpu.get_cpu_capability())
    assert (there["cpu"]["threads"], there["cpu"]["capability"]) == (1, "DEFAULT")
    assert there["variables"]["ATEN_CPU_CAPABILITY"] == "default"


def test_flags_of_determinism_are_recorded(torch):
    plain = determinism_flags(torch)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.backends.cudnn.deterministic = True
    torch.set_float32_matmul_precision("high")
    strict = determinism_flags(torch)

    assert {key: strict[key] for key in strict if strict[key] != plain[key]} == {
        "deterministic_algorithms": True,
        "deterministic_warn_only": True,
        "cudnn_deterministic": True,
        "fp32_matmul": "tf32",
    }


def test_an_older_torch_is_asked_in_the_older_way():
    # The switches of torch 2.6 to 2.8; no such torch can be installed beside the one tested here.
    off = SimpleNamespace(benchmark=False, deterministic=False, enabled=True, allow_tf32=True)
    torch = SimpleNamespace(
        are_deterministic_algorithms_enabled=lambda: False,
        is_deterministic_algorithms_warn_only_enabled=lambda: False,
        get_num_interop_threads=lambda: 2,
        get_default_dtype=lambda: "torch.float32",
        get_float32_matmul_precision=lambda: "highest",
        backends=SimpleNamespace(
            cudnn=off, mkldnn=SimpleNamespace(enabled=True), cuda=SimpleNamespace(matmul=object())
        ),
    )

    found = determinism_flags(torch)
    assert (found["fp32_matmul"], found["fp32_cudnn"]) == ("highest", "tf32")


def test_a_half_imported_torch_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())

    assert loaded_torch() is None


def test_only_listed_variables_with_plain_values():
    environ = {
        "OMP_NUM_THREADS": "4",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "MKL_CBWR": "AVX2,STRICT",
        "OMP_PROC_BIND": "/home/ann/x",
        "KMP_AFFINITY": "granularity=fine\n",
        "NCCL_ALGO": "^Ring@host",
        "HF_TOKEN": "hf_secret",
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "0",
        "PATH": "/bin",
        "USER": "ann",
    }

    assert allowed_variables(environ) == {
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "MKL_CBWR": "AVX2,STRICT",
        "OMP_NUM_THREADS": "4",
    }


def test_the_allow_list_asks_for_nothing_private():
    for name in VARIABLES:
        assert not any(
            word in name for word in ("TOKEN", "KEY", "SECRET", "PASS", "HOST", "USER", "HOME", "PATH", "DIR")
        )


def test_the_systems_name():
    if sys.platform == "linux":
        assert system_name().startswith("Linux (")
    assert platform.release() not in system_name()


def test_a_system_without_a_release_file(monkeypatch):
    def refuse():
        raise OSError

    monkeypatch.setattr("platform.freedesktop_os_release", refuse)
    monkeypatch.setattr("sys.platform", "linux")

    assert system_name().startswith("Linux (unknown distribution)")


@pytest.mark.parametrize(("name", "begins"), [("darwin", "macOS "), ("win32", "Windows "), ("freebsd14", "")])
def test_other_systems(monkeypatch, name, begins):
    monkeypatch.setattr("sys.platform", name)

    assert system_name().startswith(begins)


def test_the_toolkit_of_torch():
    def built(**version):
        return SimpleNamespace(version=SimpleNamespace(**version))

    assert environment._toolkit(built(cuda="12.8", hip=None)) == "12.8"
    assert environment._toolkit(built(cuda=None, hip="6.3")) == "hip 6.3"
    assert environment._toolkit(built(cuda=None)) is None
