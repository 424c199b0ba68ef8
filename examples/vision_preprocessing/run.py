"""Same weights, other constants: how a refactor halves a model's accuracy, and who says so.

    python examples/vision_preprocessing/run.py [FOLDER]

Offline, on one core, in about 10 seconds. Everything it makes lies in FOLDER (`vision-preprocessing`
if none is named): the images, the versions, a local Hub with the base.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
CONSTANTS = f"MEAN = {tuple(IMAGENET['image_mean'])}\nSTD = {tuple(IMAGENET['image_std'])}\n"


def draw_images(folder: Path, count: int, seed: int) -> Path:
    """Photographs of parts: worn ones are a shade darker."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(seed)
    for label, shade in (("new", 158), ("worn", 138)):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            pixels = random.normal(random.normal(shade, 3), 12, (40, 40, 3)).clip(0, 255)
            Image.fromarray(pixels.astype("uint8")).save(folder / label / f"{number:02}.png")
    return folder


def ftlineage(*words: str) -> int:
    """Type a command, in the story's folder."""
    print(f"\n$ ftlineage {' '.join(words)}", flush=True)
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run([sys.executable, "-m", "ftlineage", *words], env=environment, check=False)
    print(f"(exit code {done.returncode})", flush=True)
    return done.returncode


def digest(version: Path) -> str:
    return hashlib.sha256((version / "adapter_model.safetensors").read_bytes()).hexdigest()[:12]


def tell(what: str, version: Path, accuracy: float) -> None:
    print(f"{what:<44} weights {digest(version)}  accuracy {accuracy:.2f}", flush=True)


def change_config(version: Path, to: Path) -> Path:
    """The first refactor: a copy of the version whose image processor follows ImageNet's constants."""
    from transformers import AutoImageProcessor

    shutil.copytree(version, to)
    processor = AutoImageProcessor.from_pretrained(to, backend="pil")
    for name, values in IMAGENET.items():
        setattr(processor, name, values)
    processor.save_pretrained(to)
    return to


def change_code(to: Path) -> Path:
    """The second refactor: the constants move to a file of their own, and are ImageNet's there."""
    to.mkdir()
    kept = [line for line in (HERE / "preprocess.py").read_text().splitlines() if line[:5] not in ("MEAN ", "STD =")]
    place = kept.index("from PIL import Image")
    kept[place + 1 : place + 1] = ["", "from constants import MEAN, STD"]
    (to / "preprocess.py").write_text("\n".join(kept) + "\n")
    (to / "constants.py").write_text(CONSTANTS)
    sys.path.insert(0, str(to))
    return to


def story(folder: Path) -> None:
    import services
    import train
    from transformers.utils import logging

    from ftlineage.testing.hub import LocalHub
    from ftlineage.testing.tiny import build_tiny_vision

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning)  # of transformers, about its own next release
    images, tests = draw_images(folder / "images", 40, seed=0), draw_images(folder / "tests", 50, seed=1)
    vit = build_tiny_vision(folder / "vit", labels=train.LABELS)
    with LocalHub(folder / "hub") as hub, hub.activate():
        commit = hub.upload_folder("acme/vit", vit)
        good = Path("inspection")
        train.train("acme/vit", images, good)
        rows = train.read_images(tests)

        def measure(what: str, version: Path, pixels: services.Pixels) -> None:
            tell(what, version, services.accuracy(services.load_model("acme/vit", commit, version), pixels, rows))

        measure("trained: the web service", good, services.by_processor(good))
        measure("trained: the camera station", good, services.by_code(HERE / "preprocess.py"))
        shutil.copytree(HERE, "code", ignore=shutil.ignore_patterns("__pycache__"))
        ftlineage("verify", "inspection", "--code", "code")

        print("\n1. Somebody tidies up preprocessor_config.json.", flush=True)
        bad = change_config(good, Path("tidied"))
        measure("the web service now", bad, services.by_processor(bad))
        ftlineage("verify", "tidied")
        ftlineage("verify", "inspection", "--processor", "tidied/preprocessor_config.json")

        print("\n2. Somebody moves the constants of preprocess.py to a file of their own.", flush=True)
        code = change_code(Path("refactored"))
        measure("the camera station now", good, services.by_code(code / "preprocess.py"))
        ftlineage("verify", "inspection", "--code", "refactored")

        print("\n3. Had it been recorded as a version, diff would have said so before anybody served it.", flush=True)
        train.package("acme/vit", good, Path("inspection-2"), services.by_code(code / "preprocess.py"), bad)
        ftlineage("diff", "inspection", "inspection-2")
        ftlineage("show", "inspection")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "vision-preprocessing").resolve()
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    os.environ |= {
        "FTLINEAGE_HOME": str(folder / "home"),
        "FTLINEAGE_CACHE": str(folder / "home"),
        "OMP_NUM_THREADS": "1",
    }
    sys.path.insert(0, str(HERE))
    story(folder)


if __name__ == "__main__":
    main()
