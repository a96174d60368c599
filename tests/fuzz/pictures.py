"""Damaged picture files: whole ones of each format, changed in ways that decoders trip over."""

import functools
import io
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, features

SIDES = (24, 17)  # of the whole pictures
SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIZES = (0, 1, 3, 255, 256, 4000, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
HEADER = 128  # bytes, of which most formats say their sizes in the first
Damage = Callable[[bytes, np.random.Generator], bytes]


def damaged(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` names and contents; the picture of an index depends on it and the seed alone.

    A name is `00012-cut-lzw.tiff`: index, damage, and which whole picture was damaged.
    """
    names = list(whole())
    for index in range(count):
        generator = np.random.default_rng((seed, index))
        name = names[generator.integers(len(names))]
        damage = list(DAMAGES)[generator.integers(len(DAMAGES))]
        yield f"{index:05d}-{damage}-{name}", DAMAGES[damage](whole()[name], generator)


@functools.cache
def whole() -> dict[str, bytes]:
    """Small whole files by name: each format, and the kinds of pixels that it can have."""
    generator = np.random.default_rng(0)
    colours = Image.fromarray(generator.integers(0, 256, (*SIDES, 3)).astype(np.uint8))
    grey = colours.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    clear = colours.convert("RGBA")
    clear.putalpha(grey)
    palette = colours.quantize(16)
    exif = Image.Exif()
    exif[0x0112] = 6
    several = {"save_all": True, "append_images": [colours.rotate(90)]}
    files = {
        "plain.jpeg": (colours, {"exif": exif}),
        "progressive.jpeg": (colours, {"progressive": True, "icc_profile": b"no profile"}),
        "grey.jpeg": (grey, {}),
        "ink.jpeg": (colours.convert("CMYK"), {}),
        "plain.png": (colours, {"exif": exif}),
        "clear.png": (clear, {}),
        "grey.png": (grey, {"transparency": 7}),
        "deep.png": (deep, {}),
        "palette.png": (palette, {"transparency": bytes(range(16))}),
        "bits.png": (grey.convert("1"), {}),
        "several.png": (colours, several),
        "several.gif": (palette, several),
        "plain.bmp": (colours, {}),
        "palette.bmp": (palette, {}),
        "plain.ppm": (colours, {}),
        "deep.ppm": (deep, {}),
        "plain.tiff": (colours, {"exif": exif}),
        "lzw.tiff": (clear, {"compression": "tiff_lzw"}),
        "jpeg.tiff": (colours, {"compression": "jpeg"}),
        "fax.tiff": (grey.convert("1"), {"compression": "group4"}),
        "several.tiff": (deep, {"save_all": True, "append_images": [grey.copy()]}),
        "float.tiff": (grey.convert("F"), {}),
        "plain.webp": (colours, {"exif": exif}),
        "clear.webp": (clear, {"lossless": True}),
        "several.webp": (colours, several),
    }
    if features.check("avif"):
        files |= {"plain.avif": (colours, {}), "clear.avif": (clear, {})}
    return {
        name: encoded(image, name.split(".")[1], **more) for name, (image, more) in files.items()
    }


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    image.copy().save(file, kind.upper(), **options)  # saving leaves settings in a picture
    return file.getvalue()


def flip_bytes(content: bytes, generator: np.random.Generator) -> bytes:
    """Set a few bytes anywhere to others."""
    changed = bytearray(content)
    for place in generator.integers(len(content), size=generator.integers(1, 9)):
        changed[place] = generator.integers(256)
    return bytes(changed)


def flip_header(content: bytes, generator: np.random.Generator) -> bytes:
    """Set a few bytes near the beginning to others."""
    return flip_bytes(content[:HEADER], generator) + content[HEADER:]


def cut(content: bytes, generator: np.random.Generator) -> bytes:
    """Leave out the end."""
    return content[: generator.integers(len(content))]


def drop(content: bytes, generator: np.random.Generator) -> bytes:
    """Leave out a part in the middle."""
    first, last = sorted(generator.integers(len(content), size=2))
    return content[:first] + content[last:]


def repeat(content: bytes, generator: np.random.Generator) -> bytes:
    """Write a part twice."""
    first, last = sorted(generator.integers(len(content), size=2))
    return content[:last] + content[first:]


def blank(content: bytes, generator: np.random.Generator) -> bytes:
    """Set a part to zeros, or to ones."""
    first, last = sorted(generator.integers(len(content), size=2))
    return content[:first] + bytes([generator.choice((0, 255))]) * (last - first) + content[last:]


def splice(content: bytes, generator: np.random.Generator) -> bytes:
    """Write a part of another file into this one."""
    other = list(whole().values())[generator.integers(len(whole()))]
    place, first, last = (
        generator.integers(len(content)),
        *sorted(generator.integers(len(other), size=2)),
    )
    return content[:place] + other[first:last] + content[place:]


def swap_header(content: bytes, generator: np.random.Generator) -> bytes:
    """Begin as another file does."""
    other = list(whole().values())[generator.integers(len(whole()))]
    length = generator.integers(4, HEADER)
    return other[:length] + content[length:]


def lie(content: bytes, generator: np.random.Generator) -> bytes:
    """Write a size, in one of four encodings, near the beginning."""
    order, letter = generator.choice(("<", ">")), generator.choice(("H", "I"))
    size = struct.pack(
        order + letter, int(generator.choice(SIZES)) & (0xFFFF if letter == "H" else 2**32 - 1)
    )
    place = generator.integers(min(HEADER, len(content)))
    return content[:place] + size + content[place + len(size) :]


def lie_anywhere(content: bytes, generator: np.random.Generator) -> bytes:
    """Write a size anywhere: a TIFF has its sizes at its end."""
    place = generator.integers(len(content))
    return content[:place] + lie(content[place:], generator)


def sound_checksums(content: bytes, generator: np.random.Generator) -> bytes:
    """Change bytes, and correct the checksums of a PNG, without which its chunks are not read."""
    change = (flip_bytes, flip_header, lie, lie_anywhere)[generator.integers(4)]
    changed, place = bytearray(change(content, generator)), len(SIGNATURE)
    while content.startswith(SIGNATURE) and place + 12 <= len(changed):
        (length,) = struct.unpack_from(">I", changed, place)
        end = place + 8 + length
        if end + 4 > len(changed):
            break
        struct.pack_into(">I", changed, end, zlib.crc32(changed[place + 4 : end]))
        place = end + 4
    return bytes(changed)


DAMAGES: dict[str, Damage] = {
    function.__name__.replace("_", "-"): function
    for function in (
        flip_bytes,
        flip_header,
        cut,
        drop,
        repeat,
        blank,
        splice,
        swap_header,
        lie,
        lie_anywhere,
        sound_checksums,
    )
}
