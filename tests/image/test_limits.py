"""What is refused, before it is decoded, and in what words."""

from __future__ import annotations

import io
import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import get_frame

from cxr_core.errors import ImageError
from cxr_core.image import MAX_FILE_BYTES, decode, read
from tests.films import (
    DEFLATED,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_LS,
    RLE,
    chest,
    dicom,
    jpeg,
    png,
    tiff,
    webp,
)
from tests.image.encoders import JPEG_LOSSLESS_SV1, encapsulated, lossless_jpeg, tiff_page


def refused(data: bytes, match: str) -> str:
    with pytest.raises(ImageError, match=match) as caught:
        decode(data)
    text = str(caught.value)
    assert text.startswith("Expected ")
    assert "; received " in text
    assert "\n" not in text
    return text


def png_header(width: int, height: int, bits: int = 8, colour: int = 0, body: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", body or zlib.compress(b"\0" * 100)),
            chunk(b"IEND", b""),
        )
    )


def test_an_empty_file_is_refused() -> None:
    refused(b"", "empty file")


def test_a_file_above_50_mb_is_refused() -> None:
    refused(b"\0" * (MAX_FILE_BYTES + 1), "file of 50 MB")
    refused(b"\0" * (61 * 2**20), "file of 61 MB")


def zipped_tiff(kind: type) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.ones((4, 4), kind), compression="zlib")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"%PDF-1.7", "a PDF"),
        (b"GIF89a" + bytes(20), "a GIF"),
        (b"PK\x03\x04" + bytes(40), "a ZIP"),
        (b"\x1f\x8b" + bytes(40), "a gzip"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"hello, film\n", "a text file"),
        ("Größe, Länge\n".encode() * 40, "a text file"),
        ("hello, film\n".encode("utf-16"), "a text file"),
        (b"\0\0\0\x18ftypheic", "a video or a HEIC"),
        (b"\0" * 500, "nothing but zeros"),
        (b"\x01\x02" * 500, "of an unknown kind"),
        (tiff_page(np.zeros((4, 4), np.uint64)), "a TIFF of 64-bit values"),
        (zipped_tiff(np.float64), "a TIFF of 64-bit values"),
        (zipped_tiff(np.float16), "a TIFF of 16-bit values"),
        (b"\x89PNG\r\n\x1a\n", "damaged or incomplete PNG"),
        (b"\xff\xd8\xff", "damaged or incomplete JPEG"),
        (b"II*\0", "damaged or incomplete TIFF"),
        (b"RIFF\x10\0\0\0WEBP", "damaged or incomplete WebP"),
        (b"BM" + bytes(20), "damaged or incomplete BMP"),
        (bytes(128) + b"DICM", "without a picture"),
    ],
)
def test_what_came_is_named(data: bytes, match: str) -> None:
    refused(data, match)


def test_more_than_100_megapixels_are_refused_from_the_header() -> None:
    refused(png_header(20_000, 6_000), "120 megapixels")
    dib = struct.pack("<IiiHHIIiiII", 40, 20_000, 6_000, 1, 8, 0, 0, 0, 0, 0, 0)
    refused(b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + dib, "100 megapixels")
    sof = b"\xff\xd8\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 6_000, 20_000) + b"\x01\x01\x11\x00"
    refused(sof + b"\xff\xd9", "120 megapixels")
    page = bytearray(tiff_page(np.zeros((2, 2), np.uint8)))
    at = page.index(struct.pack("<HHII", 256, 4, 1, 2)) + 8
    page[at : at + 4] = struct.pack("<I", 100_000_000)
    refused(bytes(page), "200 megapixels")
    data = dicom(np.zeros((2, 2), np.uint16), bits=12, Rows=60_000, Columns=60_000)
    refused(data, "3,600 megapixels")


@pytest.mark.parametrize("make", [lambda: png_header(9_000, 9_000, 16, 6), lambda: bomb_bmp()])
def test_a_small_file_that_claims_a_huge_picture_takes_no_memory(make: Any) -> None:
    data = make()
    tracemalloc.start()
    try:
        refused(data, "claims|damaged")
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def bomb_bmp() -> bytes:
    dib = struct.pack("<IiiHHIIiiII", 40, 9_000, 9_000, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + dib


def test_a_deflated_bomb_is_refused_before_it_unpacks() -> None:
    data = dicom(np.zeros((8, 8), np.uint8), syntax=DEFLATED)
    end = 132 + 12 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    million = bytes(2**20)
    body = b"".join(packer.compress(million) for _ in range(250)) + packer.flush()
    assert len(body) < 2**20
    refused(data[:end] + body, "unpacks to more than a film can hold")


def test_a_run_length_bomb_is_refused_before_it_unpacks() -> None:
    segment = b"\x81\x00" * 500_000
    header = struct.pack("<16I", 1, 64, *[0] * 14)
    data = encapsulated(np.zeros((8, 8), np.uint8), header + segment, RLE)
    started = time.process_time()
    refused(data, "damaged")
    assert time.process_time() - started < 2


def test_a_jpeg_of_a_thousand_scans_is_refused() -> None:
    data = jpeg(chest(64, 64), progressive=True)
    at = data.rindex(b"\xff\xda")
    refused(data[:-2] + data[at:-2] * 1000 + b"\xff\xd9", "too many scans")


def test_an_endless_header_is_refused() -> None:
    data = dicom(np.zeros((8, 8), np.uint8))
    empty = struct.pack("<HH2sH", 0x0019, 0x1001, b"LO", 0)
    started = time.process_time()
    refused(data[:132] + data[132:][: 12 + data[140]] + empty * 500_000, "without end")
    assert time.process_time() - started < 10


def test_a_chain_of_pages_that_loops_is_refused() -> None:
    data = bytearray(tiff_page(np.zeros((2, 2), np.uint8)))
    data[-4:] = data[4:8]
    refused(bytes(data), "damaged or incomplete TIFF")


@pytest.mark.parametrize(
    "make",
    [
        lambda film: png(film),
        lambda film: jpeg(film),
        lambda film: jpeg(film, progressive=True),
        lambda film: tiff(film),
        lambda film: tiff(film, compression="tiff_lzw"),
        lambda film: webp(film),
        lambda film: webp(film, lossless=False),
        lambda film: dicom(film),
        lambda film: dicom(film, syntax=RLE),
        lambda film: dicom(film, syntax=JPEG_BASELINE),
        lambda film: dicom(film, syntax=DEFLATED),
        lambda film: encapsulated(film, lossless_jpeg(film, 8), JPEG_LOSSLESS_SV1),
    ],
    ids=[
        *("png", "jpeg", "progressive", "tiff", "lzw", "webp", "lossy-webp"),
        *("dicom", "rle", "baseline", "deflated", "lossless"),
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_film_is_an_error_and_never_half_grey(make: Any, share: float) -> None:
    data = make(chest(96, 80))
    decode(data)
    refused(data[: int(len(data) * share)], "damaged|without a picture|unknown kind")


@pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_LOSSLESS_SV1, JPEG_LS, JPEG_2000, RLE])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_frame_that_was_cut_off_in_a_whole_file_is_an_error(syntax: str, share: float) -> None:
    film = chest(96, 80)
    if syntax == JPEG_LOSSLESS_SV1:
        frame = lossless_jpeg(film, 8)
    else:
        header = dcmread(io.BytesIO(dicom(film, syntax=syntax)))
        frame = get_frame(header.PixelData, 0, number_of_frames=1)
    decode(encapsulated(film, frame, syntax))
    started = time.process_time()
    refused(encapsulated(film, frame[: int(len(frame) * share)], syntax), "damaged")
    assert time.process_time() - started < 5


@pytest.mark.parametrize("colour", [False, True])
def test_a_truncated_jpeg_with_an_end_marker_is_an_error(colour: bool) -> None:
    film = chest(96, 80)
    data = jpeg(np.repeat(film[..., None], 3, axis=2) if colour else film)
    refused(data[: len(data) * 2 // 3] + b"\xff\xd9", "damaged or incomplete JPEG")
    cut = jpeg(film)[: len(jpeg(film)) * 2 // 3] + b"\xff\xd9"
    refused(encapsulated(film, cut, JPEG_BASELINE), "damaged or incomplete DICOM")


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"subsampling": 2}])
def test_a_piece_lost_between_restart_markers_is_an_error(options: dict[str, int]) -> None:
    film = chest(200, 150)
    if options:
        film = np.repeat(film[..., None], 3, axis=2)
    data = jpeg(film, restart_marker_rows=1, **options)
    assert decode(data).pixels.shape == (200, 150)
    half, marker = len(data) // 2, data.index(b"\xff\xd4")
    refused(data[:half] + bytes(1000) + data[half + 1000 :], "damaged or incomplete JPEG")
    refused(data[: marker - 20] + data[marker + 10 :], "damaged or incomplete JPEG")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_whole_jpeg_that_is_mid_grey_is_no_error(mode: str) -> None:
    stream = io.BytesIO()
    Image.new(mode, (40, 40), 128 if mode == "L" else (128, 128, 128)).save(stream, "JPEG")
    assert np.unique(decode(stream.getvalue()).pixels).tolist() == [128]


def test_a_damaged_png_is_found_by_its_check() -> None:
    data = bytearray(png(chest(96, 80)))
    data[len(data) // 2] ^= 1
    refused(bytes(data), "damaged or incomplete PNG")


def test_a_jpeg_of_12_bits_outside_dicom_says_so() -> None:
    film = np.zeros((16, 16), np.uint16)
    refused(lossless_jpeg(film, 12), "a JPEG of 12 bits")


def test_the_size_is_checked_before_a_file_is_read(tmp_path: Path) -> None:
    large = tmp_path / "large.dcm"
    with large.open("wb") as file:
        file.truncate(4 * 2**30)
    with pytest.raises(ImageError, match="4,096 MB"):
        read(large)


def test_a_path_that_is_no_film_gives_a_line_without_the_path(tmp_path: Path) -> None:
    pipe = tmp_path / "DOE^JANE.pipe"
    os.mkfifo(pipe)
    (tmp_path / "DOE^JANE.empty").touch()
    cases = {
        tmp_path: "a folder",
        tmp_path / "DOE^JANE": "no file",
        pipe: "not a file",
        tmp_path / "DOE^JANE.empty": "empty file",
    }
    for path, match in cases.items():
        with pytest.raises(ImageError, match=match) as caught:
            read(path)
        assert "JANE" not in str(caught.value)


def test_a_file_on_disk_is_read_as_its_bytes_are(tmp_path: Path) -> None:
    path = tmp_path / "film.unknown"
    path.write_bytes(png(chest(64, 64)))
    assert read(path).sha256 == decode(path.read_bytes()).sha256


def test_threads_read_their_own_films_and_no_one_elses() -> None:
    from concurrent.futures import ThreadPoolExecutor

    made = [chest(64, 64, seed=seed) for seed in range(6)]
    files = [
        make(film)
        for film in made
        for make in (png, dicom, tiff, lambda f: dicom(f, syntax=RLE), lambda f: b"bad")
    ]

    def one(index: int) -> bool:
        expected = made[index // 5]
        try:
            film = decode(files[index])
        except ImageError:
            return index % 5 == 4
        return bool((film.pixels == expected).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, list(range(len(files))) * 4))
