"""Processor and GPUs, as far as they decide floating-point results.

Decides what of the hardware can change the bytes of an adapter: CPU model, the instruction set torch
chose and its thread count (trap T12: each changes trained bytes), GPU name, compute capability and
memory, driver. Refused: what names one machine and changes nothing (serial numbers, GPU UUIDs, PCI
addresses), and starting a CUDA context just to look.

GPUs are asked through torch when it has a CUDA context already, else through ``nvidia-smi``. The
parsers are tested on text in the documented formats; neither road was run on a GPU where this was
written, and AMD, Intel and Apple GPUs are not listed at all.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ftlineage.core.sections import Cpu, Gpu
from ftlineage.hashing.parallel import usable_cpus

SMI_TIMEOUT = 10.0
SMI_FIELDS = "index,uuid,name,compute_cap,memory.total,driver_version"
_MIB = 1024 * 1024
_CPUINFO = Path("/proc/cpuinfo")
_DRIVER_FILE = Path("/proc/driver/nvidia/version")
_DRIVER = re.compile(r"Kernel Module(?:\s+for\s+\S+)?\s+(\d+(?:\.\d+)+)")
# The file grows with the number of cores, and its first block says everything.
_CPUINFO_HEAD = 8192


class Gpus(NamedTuple):
    """Visible GPUs and the driver they run under."""

    found: list[Gpu]
    driver: str | None


def observe_cpu(torch: Any | None) -> Cpu:
    """The processor; instruction set and threads as torch uses them, if it is loaded.

    Args:
        torch: The module, or None. Without it ``threads`` is the number of cores this process may use.
    """
    return Cpu(
        model=_cpu_model(),
        architecture=platform.machine() or None,
        capability=str(torch.backends.cpu.get_cpu_capability()) if torch is not None else None,
        threads=int(torch.get_num_threads()) if torch is not None else usable_cpus(),
    )


def parse_cpuinfo(text: str) -> str | None:
    """The model in ``/proc/cpuinfo``: its name on x86, implementer and part numbers on ARM."""
    pairs = (line.partition(":") for line in text.split("\n\n", 1)[0].splitlines())
    values = {key.strip().lower(): value.strip() for key, _, value in pairs}
    for key in ("model name", "cpu model", "uarch"):
        if values.get(key):
            return " ".join(values[key].split())
    if "cpu implementer" in values:
        return f"implementer {values['cpu implementer']} part {values.get('cpu part', '?')}"
    return values.get("cpu") or None


def _cpu_model() -> str | None:
    match sys.platform:
        case "linux":
            try:
                with _CPUINFO.open("rb") as file:
                    return parse_cpuinfo(file.read(_CPUINFO_HEAD).decode("utf-8", "replace"))
            except OSError:
                return None
        case "darwin":
            return _output(["sysctl", "-n", "machdep.cpu.brand_string"], timeout=2).strip() or None
    return platform.processor() or None


# --- GPUs --------------------------------------------------------------------------------------


def observe_gpus(torch: Any | None, environ: Mapping[str, str] = os.environ) -> Gpus:
    """GPUs this process may use, and their driver.

    Args:
        torch: The module, or None if it is not loaded.
        environ: Where ``CUDA_VISIBLE_DEVICES`` stands.
    """
    driver = _driver_of_kernel()
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return Gpus([_torch_gpu(torch, number) for number in range(torch.cuda.device_count())], driver)
    if shutil.which("nvidia-smi") is None:
        return Gpus([], driver)
    text = _output(["nvidia-smi", f"--query-gpu={SMI_FIELDS}", "--format=csv,noheader,nounits"], timeout=SMI_TIMEOUT)
    listed = parse_smi(text, environ.get("CUDA_VISIBLE_DEVICES"))
    return Gpus(listed.found, driver or listed.driver)


def parse_smi(text: str, visible: str | None = None) -> Gpus:
    """GPUs in the output of ``nvidia-smi --query-gpu=... --format=csv,noheader,nounits``.

    Args:
        text: One line a GPU, fields as in ``SMI_FIELDS``.
        visible: Value of ``CUDA_VISIBLE_DEVICES``: numbers or UUIDs in the order wanted; as in CUDA
            the list ends at the first that does not exist. None is all.
    """
    rows = [[field.strip() for field in line.split(",")] for line in text.splitlines()]
    # A driver that does not work prints a sentence instead.
    rows = [row for row in rows if len(row) == SMI_FIELDS.count(",") + 1 and row[0].isdigit()]
    chosen = rows if visible is None else _chosen(rows, visible)
    gpus = [Gpu(name=name, capability=_known(cap), memory=_bytes(size)) for _, _, name, cap, size, _ in chosen]
    return Gpus(gpus, _known(rows[0][5]) if rows else None)


def parse_driver(text: str) -> str | None:
    """The version in ``/proc/driver/nvidia/version``."""
    match = _DRIVER.search(text)
    return match[1] if match else None


def _chosen(rows: list[list[str]], visible: str) -> list[list[str]]:
    chosen = []
    for wanted in (part.strip() for part in visible.split(",")):
        row = next((row for row in rows if wanted == row[0] or (wanted and row[1].startswith(wanted))), None)
        if row is None:
            break
        chosen.append(row)
    return chosen


def _known(field: str) -> str | None:
    return None if not field or field.startswith("[") else field  # "[N/A]", "[Not Supported]"


def _bytes(mebibytes: str) -> int | None:
    return int(mebibytes) * _MIB if mebibytes.isdigit() else None


def _torch_gpu(torch: Any, number: int) -> Gpu:
    properties = torch.cuda.get_device_properties(number)
    return Gpu(
        name=str(properties.name),
        capability=f"{properties.major}.{properties.minor}",
        memory=int(properties.total_memory),
    )


def _driver_of_kernel() -> str | None:
    try:
        return parse_driver(_DRIVER_FILE.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None


def _output(command: list[str], *, timeout: float) -> str:
    """Standard output of a short command; empty when it fails, hangs or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
