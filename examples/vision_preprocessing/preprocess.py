"""From an image to the pixels the model sees, in PIL and NumPy: what the camera station runs.

The same arithmetic as the image processor that transformers' users load from the version's folder.
"""

from typing import Any

import numpy as np
from PIL import Image

SIDE = 32
MEAN = (0.5, 0.5, 0.5)
STD = (0.5, 0.5, 0.5)


def normalise(image: Image.Image) -> Any:
    """Pixels of one image: float32, channels first."""
    resized = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(resized, dtype=np.float32) / 255
    return ((pixels - np.asarray(MEAN, np.float32)) / np.asarray(STD, np.float32)).transpose(2, 0, 1)
