"""DICOM pictures in palette colour, plain and segmented, become luminance."""

from __future__ import annotations

import io

import numpy as np
from pydicom import dcmread

from cxr_core.image import decode
from tests.films import dicom
from tests.image.encoders import saved


def test_a_palette_becomes_luminance() -> None:
    data = dicom(np.array([[0, 1, 1, 0]], np.uint8))
    header = dcmread(io.BytesIO(data))
    header.PhotometricInterpretation = "PALETTE COLOR"
    for colour, values in (("Red", [0, 255]), ("Green", [100, 255]), ("Blue", [0, 255])):
        header.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [2, 0, 8])
        setattr(header, f"{colour}PaletteColorLookupTableData", bytes(values))
    film = decode(saved(header))
    # 100 × 0.587 = 59.
    np.testing.assert_array_equal(film.pixels, [[59, 255, 255, 59]])
    assert film.facts.colour_share == 0.5


def test_a_segmented_palette_becomes_luminance() -> None:
    header = dcmread(io.BytesIO(dicom(np.array([[0, 2]], np.uint8))))
    header.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        header.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [3, 0, 16])
        # PS3.3 C.7.9.2: one value, 0, and a line of two more that ends at 65535.
        segments = np.array([0, 1, 0, 1, 2, 65535], "<u2").tobytes()
        header.add_new(f"Segmented{colour}PaletteColorLookupTableData", "OW", segments)
    np.testing.assert_array_equal(decode(saved(header)).pixels, [[0, 65535]])
