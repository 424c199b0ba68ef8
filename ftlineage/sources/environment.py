"""Software and hardware as far as they can change what a run computes.

Decides what of a machine is part of a version's identity: an exact replay on the same machine gives
the same section, and nothing in it names the machine or its user. Recorded are Python, system
release and C library (its mathematics differ between releases), processor and GPUs, every package
with its build, flags of determinism, and variables of an allow-list. Left out on purpose:

- the kernel release: it changes with the host under a container and does no arithmetic;
- variables that say where things are (``HF_HUB_OFFLINE``, ``CUDA_VISIBLE_DEVICES``): an offline replay
  on the next card of the same kind is the same run, and the visible GPUs are listed themselves;
- values with a path, a host or anything else than plain words and numbers.

torch is looked at when it is loaded and never imported here. Observe after training: libraries set
flags and variables while they start.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping
from typing import Any

from ftlineage.core.sections import Environment
from ftlineage.sources.hardware import observe_cpu, observe_gpus
from ftlineage.sources.packages import installed_packages

# fmt: off
VARIABLES = frozenset({
    # threads and instruction sets (trap T12)
    "ATEN_CPU_CAPABILITY", "BLIS_NUM_THREADS", "DNNL_MAX_CPU_ISA", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "MKL_CBWR",
    "MKL_DEBUG_CPU_TYPE", "MKL_DYNAMIC", "MKL_ENABLE_INSTRUCTIONS", "MKL_NUM_THREADS", "MKL_THREADING_LAYER",
    "NUMEXPR_NUM_THREADS", "OMP_DYNAMIC", "OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_SCHEDULE",
    "ONEDNN_DEFAULT_FPMATH_MODE", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    # determinism
    "CUBLAS_WORKSPACE_CONFIG", "FLASH_ATTENTION_DETERMINISTIC", "PYTHONHASHSEED",
    # kernels and precision
    "CUDA_DEVICE_MAX_CONNECTIONS", "HSA_OVERRIDE_GFX_VERSION", "NVIDIA_TF32_OVERRIDE", "PYTORCH_ENABLE_MPS_FALLBACK",
    "PYTORCH_TUNABLEOP_ENABLED", "TORCHDYNAMO_DISABLE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "TORCH_COMPILE_DISABLE",
    # how processes exchange gradients: the order of sums
    "NCCL_ALGO", "NCCL_BUFFSIZE", "NCCL_COLLNET_ENABLE", "NCCL_IB_DISABLE", "NCCL_MAX_NCHANNELS", "NCCL_MIN_NCHANNELS",
    "NCCL_NTHREADS", "NCCL_NVLS_ENABLE", "NCCL_P2P_DISABLE", "NCCL_P2P_LEVEL", "NCCL_PROTO", "NCCL_SHM_DISABLE",
})
# fmt: on
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.,:;=+\- {}]{0,200}")


def observe_environment() -> Environment:
    """Record the environment of this process."""
    torch = loaded_torch()
    gpus = observe_gpus(torch)
    return Environment(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        os=system_name(),
        cpu=observe_cpu(torch),
        gpus=gpus.found,
        driver=gpus.driver,
        cuda=_toolkit(torch) if torch is not None else None,
        packages=installed_packages(),
        determinism=determinism_flags(torch) if torch is not None else {},
        variables=allowed_variables(os.environ),
    )


def loaded_torch() -> Any | None:
    """torch, if this process has imported it to the end."""
    torch = sys.modules.get("torch")
    # A half-imported module (a circular import, a failed one) has no version yet.
    return torch if torch is not None and hasattr(torch, "get_num_threads") else None


def system_name() -> str:
    """Operating system with its release, and the C library: ``Linux (Debian GNU/Linux 12), glibc 2.36``."""
    match sys.platform:
        case "linux":
            library = " ".join(part for part in platform.libc_ver() if part)
            return f"Linux ({_distribution()})" + (f", {library}" if library else "")
        case "darwin":
            return f"macOS {platform.mac_ver()[0]}"
        case "win32":
            return f"Windows {platform.version()}"
    return platform.system()


def allowed_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables of the allow-list whose value is plain; sorted by name."""
    return {name: environ[name] for name in sorted(VARIABLES & environ.keys()) if _PLAIN_VALUE.fullmatch(environ[name])}


def determinism_flags(torch: Any) -> dict[str, Any]:
    """Settings of torch that decide which kernels run and in which precision.

    Args:
        torch: The module.
    """
    cudnn = torch.backends.cudnn
    return {
        "deterministic_algorithms": bool(torch.are_deterministic_algorithms_enabled()),
        "deterministic_warn_only": bool(torch.is_deterministic_algorithms_warn_only_enabled()),
        "cudnn_benchmark": bool(cudnn.benchmark),
        "cudnn_deterministic": bool(cudnn.deterministic),
        "cudnn_enabled": bool(cudnn.enabled),
        "mkldnn_enabled": bool(torch.backends.mkldnn.enabled),
        "interop_threads": int(torch.get_num_interop_threads()),
        "default_dtype": str(torch.get_default_dtype()),
        **_precision(torch),
    }


def _precision(torch: Any) -> dict[str, str]:
    """Precision of float32 arithmetic by backend; the older switches fail where the newer were used."""
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):  # before torch 2.9
        allowed = "tf32" if torch.backends.cudnn.allow_tf32 else "ieee"
        return {"fp32_matmul": str(torch.get_float32_matmul_precision()), "fp32_cudnn": allowed}
    places = {
        "matmul": torch.backends.cuda.matmul,
        "cudnn": torch.backends.cudnn,
        "cudnn_conv": getattr(torch.backends.cudnn, "conv", None),
        "cudnn_rnn": getattr(torch.backends.cudnn, "rnn", None),
        "mkldnn": torch.backends.mkldnn,
    }
    found = {name: getattr(place, "fp32_precision", None) for name, place in places.items()}
    return {f"fp32_{name}": str(value) for name, value in found.items() if value is not None}


def _toolkit(torch: Any) -> str | None:
    """The CUDA release torch was built for; ``hip <release>`` on AMD."""
    hip = getattr(torch.version, "hip", None)
    return f"hip {hip}" if hip else torch.version.cuda


def _distribution() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "unknown distribution"
    return f"{release.get('NAME', 'unknown')} {release.get('VERSION_ID', '')}".strip()
