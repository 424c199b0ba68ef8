"""CPU and GPU parsers. No GPU was at hand: the GPU texts are written in the formats that NVIDIA documents."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from ftlineage.core.sections import Gpu
from ftlineage.sources import hardware
from ftlineage.sources.hardware import observe_cpu, observe_gpus, parse_cpuinfo, parse_driver, parse_smi

GIB = 1024**3
X86 = """processor\t: 0
vendor_id\t: GenuineIntel
model\t\t: 143
model name\t: Intel(R) Xeon(R)   Platinum 8480+
cpu MHz\t\t: 2000.000

processor\t: 1
model name\t: another
"""
ARM = """processor\t: 0
BogoMIPS\t: 243.75
CPU implementer\t: 0x41
CPU architecture: 8
CPU part\t: 0xd40

"""
POWER = "processor\t: 0\ncpu\t\t: POWER9, altivec supported\n"
SMI = """0, GPU-aaaa1111-0000-0000-0000-000000000000, NVIDIA H100 80GB HBM3, 9.0, 81559, 550.54.15
1, GPU-bbbb2222-0000-0000-0000-000000000000, NVIDIA A10, 8.6, 23028, 550.54.15
"""
H100 = Gpu(name="NVIDIA H100 80GB HBM3", capability="9.0", memory=81559 * 1024**2)
A10 = Gpu(name="NVIDIA A10", capability="8.6", memory=23028 * 1024**2)
DRIVER = """NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)
"""
OPEN_DRIVER = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  565.57.01  Release Build  (dvs-builder@U16)  Thu\n"
)


@pytest.mark.parametrize(
    ("text", "model"),
    [
        (X86, "Intel(R) Xeon(R) Platinum 8480+"),
        (ARM, "implementer 0x41 part 0xd40"),
        (POWER, "POWER9, altivec supported"),
        ("", None),
        ("processor\t: 0\n", None),
    ],
)
def test_the_cpu_model(text, model):
    assert parse_cpuinfo(text) == model


def test_this_cpu():
    found = observe_cpu(None)

    assert found.threads == len(os.sched_getaffinity(0))
    assert found.capability is None
    assert found.model is None or "\n" not in found.model


def test_threads_and_instruction_set_are_those_of_torch():
    torch = SimpleNamespace(
        get_num_threads=lambda: 7,
        backends=SimpleNamespace(cpu=SimpleNamespace(get_cpu_capability=lambda: "AVX2")),
    )

    assert (observe_cpu(torch).threads, observe_cpu(torch).capability) == (7, "AVX2")


@pytest.mark.parametrize(
    ("visible", "gpus"),
    [
        (None, [H100, A10]),
        ("0,1", [H100, A10]),
        ("1", [A10]),
        ("1,0", [A10, H100]),
        ("GPU-bbbb2222", [A10]),
        ("0, GPU-bbbb", [H100, A10]),
        ("", []),
        ("-1", []),
        ("0,7,1", [H100]),
    ],
)
def test_visible_gpus_in_the_order_asked_for(visible, gpus):
    assert parse_smi(SMI, visible).found == gpus
    assert parse_smi(SMI, visible).driver == "550.54.15"


def test_fields_a_card_does_not_know():
    found = parse_smi("0, GPU-aaaa, NVIDIA GB10, [N/A], [N/A], 580.10\n").found

    assert found == [Gpu(name="NVIDIA GB10", capability=None, memory=None)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No devices were found\n",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n",
        "Failed to initialize NVML: Driver/library version mismatch, 0, 1, 2, 3, 4\n",
    ],
)
def test_sentences_instead_of_gpus(text):
    assert parse_smi(text) == ([], None)


@pytest.mark.parametrize(("text", "version"), [(DRIVER, "550.54.15"), (OPEN_DRIVER, "565.57.01"), ("", None)])
def test_the_driver(text, version):
    assert parse_driver(text) == version


def test_torch_with_a_context_is_asked_itself():
    properties = SimpleNamespace(name="NVIDIA A10", major=8, minor=6, total_memory=22 * GIB)
    cuda = SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        device_count=lambda: 1,
        get_device_properties=lambda _: properties,
    )

    assert observe_gpus(SimpleNamespace(cuda=cuda)).found == [Gpu(name="NVIDIA A10", capability="8.6", memory=22 * GIB)]


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """A program named nvidia-smi on PATH, and no driver file."""
    monkeypatch.setattr(hardware, "_DRIVER_FILE", tmp_path / "version")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def make(script: str) -> None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)

    return make


def test_without_a_context_nvidia_smi_is_asked(smi, tmp_path):
    smi(f'echo "$@" > {tmp_path}/asked; cat <<END\n{SMI}END')
    cuda = SimpleNamespace(is_available=lambda: True, is_initialized=lambda: False)

    for torch in (None, SimpleNamespace(cuda=cuda)):
        assert observe_gpus(torch, {"CUDA_VISIBLE_DEVICES": "1"}) == ([A10], "550.54.15")
    assert (tmp_path / "asked").read_text() == (
        "--query-gpu=index,uuid,name,compute_cap,memory.total,driver_version --format=csv,noheader,nounits\n"
    )


def test_a_driver_file_beats_asking(smi, tmp_path):
    smi(f"cat <<END\n{SMI.replace('550.54.15', '1.2')}END")
    (tmp_path / "version").write_text(DRIVER)

    assert observe_gpus(None, {}).driver == "550.54.15"


@pytest.mark.parametrize("script", ["exit 9", "echo broken; exit 9", "exec sleep 30"])
def test_nvidia_smi_that_fails_or_hangs_means_no_gpus(smi, monkeypatch, script):
    monkeypatch.setattr(hardware, "SMI_TIMEOUT", 0.2)
    smi(script)

    assert observe_gpus(None, {}) == ([], None)


def test_no_gpu_here(smi, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)

    assert observe_gpus(None, {}) == ([], None)
