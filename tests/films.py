"""Synthetic films for tests: drawn, deterministic, of nobody.

Arrays are (H, W); `png`, `jpeg`, `tiff`, `bmp`, `webp`, `dicom` and `archive` turn them into the
bytes of a file.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
RLE = "1.2.840.10008.1.2.5"
DIGITAL_XRAY = "1.2.840.10008.5.1.4.1.1.1.1"

# Values that must not survive reading; tests look for them in whatever is kept, shown or logged.
IDENTIFIERS = {
    "PatientName": "Secret^Name",
    "PatientID": "SECRET-ID-4711",
    "PatientBirthDate": "20190203",
    "InstitutionName": "Secret Hospital",
    "AccessionNumber": "SECRET-ACC-99",
    "StudyDate": "20240506",
    "ReferringPhysicianName": "Secret^Doctor",
}


def gradient(height: int = 64, width: int = 48, top: int = 255, dtype: Any = np.uint8) -> Array:
    """Every column one value, from 0 at the left to `top` at the right."""
    row = np.linspace(0, top, width)
    return np.broadcast_to(row, (height, width)).round().astype(dtype)


def chest(
    height: int = 512, width: int = 512, *, seed: int = 0, opacity: bool = False, top: int = 255
) -> Array:
    """A drawn frontal chest: body, two lungs, heart, spine, ribs, diaphragm, a little noise.

    opacity: a white patch in the lower lung on the picture's right. Returns uint8 for
    top <= 255, uint16 above.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    y, x = y / height, x / width

    def ellipse(cy: float, cx: float, ry: float, rx: float, soft: float = 0.06) -> Array:
        distance = np.sqrt(((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2)
        return np.clip((1 - distance) / soft, 0, 1)

    jitter = rng.uniform(-0.012, 0.012, 4)
    film = 0.03 + 0.50 * ellipse(0.62, 0.5, 0.60, 0.46)
    film += 0.12 * ellipse(0.10, 0.5, 0.16, 0.10, 0.3)
    lungs = np.maximum(
        ellipse(0.45 + jitter[0], 0.30, 0.30, 0.145), ellipse(0.45 + jitter[1], 0.70, 0.30, 0.145)
    )
    film -= 0.36 * lungs
    film += 0.05 * lungs * (np.sin((y + 0.25 * np.abs(x - 0.5)) * 75) > 0.3)
    film += 0.22 * ellipse(0.50, 0.5, 0.44, 0.05, 0.5)
    film += 0.24 * ellipse(0.60 + jitter[2], 0.56, 0.15, 0.14, 0.4) * (0.4 + 0.6 * lungs)
    film += 0.10 * np.clip((y - 0.74) / 0.05, 0, 1) * ellipse(0.62, 0.5, 0.60, 0.46)
    if opacity:
        film += 0.26 * ellipse(0.58, 0.72 + jitter[3], 0.10, 0.08, 0.7)
    film += rng.normal(0, 0.012, film.shape)
    dtype = np.uint8 if top <= 255 else np.uint16
    return (np.clip(film, 0, 1) * top).round().astype(dtype)


def photo(height: int = 480, width: int = 640, *, seed: int = 0) -> Array:
    """A colourful scene, (H, W, 3) uint8: sky, ground, sun and blocks."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2] = (90, 160, 235)
    picture[height // 2 :] = (70, 140, 60)
    y, x = np.mgrid[0:height, 0:width]
    picture[(y - height / 5) ** 2 + (x - width / 1.3) ** 2 < (height / 9) ** 2] = (250, 220, 60)
    for _ in range(12):
        top, left = rng.integers(height // 3, height - 40), rng.integers(0, width - 60)
        size = rng.integers(20, 60, 2)
        picture[top : top + size[0], left : left + size[1]] = rng.integers(0, 256, 3)
    return picture


def png(pixels: Array, **options: Any) -> bytes:
    """PNG, 8 or 16 bit grey, or RGB(A) for (H, W, 3 or 4)."""
    return _encode(pixels, "PNG", **options)


def jpeg(pixels: Array, quality: int = 92, **options: Any) -> bytes:
    """Baseline JPEG of 8 bit pixels."""
    return _encode(pixels, "JPEG", quality=quality, **options)


def tiff(pixels: Array, **options: Any) -> bytes:
    return _encode(pixels, "TIFF", **options)


def bmp(pixels: Array) -> bytes:
    return _encode(pixels, "BMP")


def webp(pixels: Array, **options: Any) -> bytes:
    return _encode(pixels, "WEBP", **({"lossless": True} | options))


def _encode(pixels: Array, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def dicom(
    pixels: Array,
    *,
    syntax: str = EXPLICIT_LITTLE,
    photometric: str = "MONOCHROME2",
    bits: int | None = None,
    identified: bool = True,
    preamble: bool = True,
    **tags: Any,
) -> bytes:
    """A digital X-ray object, with identifiers that must not survive unless told otherwise.

    pixels: (H, W) or (frames, H, W), uint8, uint16 or int16. tags: any DICOM keyword, for instance
    `WindowCenter=2048`; None removes one that is set here.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(DIGITAL_XRAY)
    meta.MediaStorageSOPInstanceUID = UID("1.2.826.0.1.3680043.8.498.1")
    meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID = DIGITAL_XRAY
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", "PA"
    data.PatientAge, data.PatientSex = "004Y", "F"
    if identified:
        for keyword, value in IDENTIFIERS.items():
            setattr(data, keyword, value)
    frames = pixels if pixels.ndim == 3 else pixels[None]
    if len(frames) > 1:
        data.NumberOfFrames = len(frames)
    data.Rows, data.Columns = frames.shape[1:]
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = photometric
    data.BitsAllocated = 8 * pixels.dtype.itemsize
    data.BitsStored = bits or data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = frames.tobytes() + b"\0" * (frames.nbytes % 2)
    data["PixelData"].VR = "OB" if data.BitsAllocated == 8 else "OW"
    for keyword, value in tags.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    if syntax == JPEG_BASELINE:
        data.PixelData = encapsulate([jpeg(frame) for frame in frames])
        data["PixelData"].VR = "OB"
        meta.TransferSyntaxUID = UID(syntax)
    elif syntax in (RLE, JPEG_LS, JPEG_2000):
        data.compress(UID(syntax), generate_instance_uid=False)
    else:
        if syntax == EXPLICIT_BIG and data.BitsAllocated > 8:
            data.PixelData = frames.byteswap().tobytes()
        meta.TransferSyntaxUID = UID(syntax)
    stream = io.BytesIO()
    data.save_as(
        stream,
        enforce_file_format=True,
        little_endian=None if syntax != EXPLICIT_BIG else False,
        implicit_vr=None if syntax != EXPLICIT_BIG else False,
    )
    content = stream.getvalue()
    return content if preamble else content[132:]


def archive(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of name -> content, in the order given."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return stream.getvalue()
