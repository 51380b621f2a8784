"""Images as files: arrays are written as PNG by gittrack itself, all else by Pillow."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

from gittrack.errors import InvalidValueError, MissingPackageError
from gittrack.runs.forgiving import warn

_PNG = b"\x89PNG\r\n\x1a\n"
_WHITE = 255
_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # grey, RGB and RGBA, by the number of channels


class Image:
    """An image of MLflow's: of an array, a list of rows, an image of Pillow, or a file's path.

    Raises:
        InvalidValueError: it is none of these.
        MissingPackageError: Pillow is not installed.
    """

    def __init__(self, image: Any) -> None:
        if isinstance(image, list):
            import numpy as np

            image = np.array(image)
        if isinstance(image, (str, Path)):
            self.image = pillow().open(image)
        elif _is_array(image):
            self.image = pillow().fromarray(pixels(image))
        elif isinstance(image, pillow().Image):
            self.image = image
        else:
            raise _no_image(image)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        width, height = self.image.size
        return width, height

    def to_pil(self) -> Any:
        """Return it as an image of Pillow."""
        return self.image

    def to_array(self) -> Any:
        """Return it as a NumPy array."""
        import numpy as np

        return np.array(self.image)

    def to_list(self) -> list[Any]:
        """Return its pixels, row after row."""
        pixel = self.to_array().reshape(-1, *self.to_array().shape[2:]).tolist()
        return [tuple(item) if isinstance(item, list) else item for item in pixel]

    def save(self, path: str | Path) -> None:
        """Write it to a file."""
        self.image.save(path)

    def resize(self, size: tuple[int, int]) -> Image:
        """Return it in another width and height."""
        return Image(self.image.resize(size))


def save(image: Any, path: Path) -> None:
    """Write an image to a file.

    Raises:
        InvalidValueError: it is no image.
        MissingPackageError: Pillow is needed, and not installed.
    """
    if _is_array(image) and path.suffix.lower() == ".png":
        path.write_bytes(png(pixels(image)))
    elif _is_array(image):
        pillow().fromarray(pixels(image)).save(path)
    elif hasattr(image, "resize") and hasattr(image, "save"):
        image.save(path)
    else:
        raise _no_image(image)


def pixels(array: Any) -> Any:
    """Return an array as bytes from 0 to 255: floats from 0 to 1 are scaled to that.

    Raises:
        InvalidValueError: its shape or its values are no image's.
    """
    import numpy as np

    channels = _channels(array)
    if array.ndim not in (2, 3) or channels not in _COLOUR_TYPES or array.dtype.kind not in "biuf":
        raise InvalidValueError(
            f"an array of {array.dtype} and the shape {array.shape} is no image",
            hint="use (height, width), or (height, width, 3 or 4) for colours, of uint8",
        )
    array = array.reshape(array.shape[:2]) if channels == 1 else array
    low, high = array.min(initial=0), array.max(initial=0)
    if array.dtype.kind in "iu":
        if low < 0 or high > _WHITE:
            raise InvalidValueError(
                f"the values of an image run from {low} to {high}", hint="use 0 to 255"
            )
        return array.astype(np.uint8)
    if not (low >= 0 and high <= 1):
        warn(f"the values of an image run from {low} to {high} and are rescaled: give 0 to 1")
        array = np.nan_to_num((array - low) / ((high - low) or 1))
    return (array * _WHITE).astype(np.uint8)


def png(array: Any) -> bytes:
    """Return an array of bytes as a PNG file."""
    height, width = array.shape[:2]
    kind = _COLOUR_TYPES[_channels(array)]
    rows = b"".join(b"\0" + row.tobytes() for row in array)
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return (
        _PNG + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    )


def pillow() -> Any:
    """Return Pillow's module `PIL.Image`.

    Raises:
        MissingPackageError: Pillow is not installed.
    """
    try:
        import PIL.Image
    except ImportError:
        raise MissingPackageError(
            "this image needs Pillow, which is not installed", hint="pip install pillow"
        ) from None
    return PIL.Image


def _no_image(image: object) -> InvalidValueError:
    return InvalidValueError(
        f"Unsupported image object type: {type(image).__name__}",
        hint="give a NumPy array or an image of Pillow",
    )


def _channels(array: Any) -> int:
    return int((*array.shape, 1, 1, 1)[2])


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _is_array(image: Any) -> bool:
    return hasattr(image, "dtype") and hasattr(image, "ndim")
