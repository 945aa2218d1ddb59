"""Of a DICOM header only known terms and numbers survive, in whatever is kept, raised or logged."""

from __future__ import annotations

import io
import logging
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

from cxr_core.errors import ImageError
from cxr_core.image import decode
from cxr_core.schema import Film
from tests.films import EXPLICIT_LITTLE, IDENTIFIERS, IMPLICIT_LITTLE, dicom
from tests.image.encoders import saved

NAME = "DOE^JANE"
PIXELS = np.arange(64, dtype=np.uint16).reshape(8, 8)


def planted(syntax: str = EXPLICIT_LITTLE, **tags: Any) -> Any:
    """A film with the name in every kind of tag that could hold one."""
    from pydicom import dcmread
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    data = dcmread(io.BytesIO(dicom(PIXELS, syntax=syntax, bits=12, **tags)))
    for keyword in (
        "PatientName",
        "PatientID",
        "OtherPatientNames",
        "PatientComments",
        "ImageComments",
        "StudyDescription",
        "SeriesDescription",
        "ProtocolName",
        "InstitutionName",
        "InstitutionAddress",
        "OperatorsName",
        "AcquisitionDeviceProcessingDescription",
        "WindowCenterWidthExplanation",
        "RescaleType",
        "DerivationDescription",
        "BodyPartThickness",
        "DetectorID",
    ):
        try:
            setattr(data, keyword, NAME)
        except (TypeError, ValueError):
            continue
    item = Dataset()
    item.PatientName, item.LUTExplanation = NAME, NAME
    item.CodeValue, item.CodeMeaning, item.CodingSchemeDesignator = NAME, NAME, NAME
    for keyword in (
        "RequestAttributesSequence",
        "AnatomicRegionSequence",
        "ViewCodeSequence",
        "VOILUTSequence",
        "ModalityLUTSequence",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
    ):
        setattr(data, keyword, Sequence([item]))
    block = data.private_block(0x0011, NAME, create=True)
    block.add_new(1, "LO", NAME)
    block.add_new(2, "SQ", [item])
    overlay = data.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    overlay.add_new(0x10, "OB", NAME.encode() * 4)
    return data


def overwrite(data: bytes, tag: bytes, text: str) -> bytes:
    """The value of an element (explicit VR, short length) replaced by text, whatever its type."""
    at = data.index(tag)
    size = int.from_bytes(data[at + 6 : at + 8], "little")
    value = text.encode().ljust(len(text) + len(text) % 2)
    head = data[at : at + 6] + len(value).to_bytes(2, "little")
    return data[:at] + head + value + data[at + 8 + size :]


def traces(data: bytes, caplog: pytest.LogCaptureFixture, capfd: Any) -> str:
    """All that is left of a file once it is read: film or error, logs, warnings, output."""
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    capfd.readouterr()
    left = ""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            film = decode(data)
        except ImageError as error:
            left += repr((error, error.__cause__, error.__context__))
        else:
            assert isinstance(film, Film)
            left += repr(film) + repr(pickle.dumps(film))
    left += "".join(f"{w.message}" for w in seen)
    captured = capfd.readouterr()
    return left + caplog.text + captured.out + captured.err


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE])
def test_a_name_in_any_tag_leaves_no_trace(syntax: str, caplog: Any, capfd: Any) -> None:
    data = saved(planted(syntax))
    assert NAME.encode() in data
    left = traces(data, caplog, capfd)
    assert "Film(" in left
    for secret in (NAME, "DOE", "JANE", *IDENTIFIERS.values()):
        assert secret not in left


# Tag (little endian) → how it is called; all of them are read.
READ_TAGS = {
    b"\x08\x00\x05\x00": "SpecificCharacterSet",
    b"\x08\x00\x60\x00": "Modality",
    b"\x18\x00\x15\x00": "BodyPartExamined",
    b"\x18\x00\x01\x51": "ViewPosition",
    b"\x10\x00\x40\x00": "PatientSex",
    b"\x10\x00\x10\x10": "PatientAge",
    b"\x28\x00\x04\x00": "PhotometricInterpretation",
    b"\x28\x00\x10\x00": "Rows",
    b"\x28\x00\x08\x00": "NumberOfFrames",
    b"\x28\x00\x50\x10": "WindowCenter",
    b"\x28\x00\x51\x10": "WindowWidth",
    b"\x28\x00\x52\x10": "RescaleIntercept",
    b"\x28\x00\x56\x10": "VOILUTFunction",
    b"\x28\x00\x20\x01": "PixelPaddingValue",
    b"\x28\x00\x30\x00": "PixelSpacing",
    b"\x02\x00\x10\x00": "TransferSyntaxUID",
}


@pytest.mark.parametrize("tag", READ_TAGS, ids=READ_TAGS.values())
def test_a_name_in_a_tag_that_is_read_leaves_no_trace(tag: bytes, caplog: Any, capfd: Any) -> None:
    data = dicom(
        PIXELS,
        bits=12,
        SpecificCharacterSet="ISO_IR 100",
        NumberOfFrames=1,
        WindowCenter=30,
        WindowWidth=20,
        RescaleIntercept=-10,
        RescaleSlope=1,
        VOILUTFunction="LINEAR",
        PixelPaddingValue=3,
        PixelSpacing=[0.1, 0.1],
    )
    left = traces(overwrite(data, tag, NAME), caplog, capfd)
    assert "JANE" not in left


def test_a_damaged_file_with_names_leaves_no_trace(caplog: Any, capfd: Any) -> None:
    data = saved(planted())
    for length in range(100, len(data), 37):
        assert "JANE" not in traces(data[:length], caplog, capfd)


def test_names_in_a_picture_s_metadata_leave_no_trace(caplog: Any, capfd: Any) -> None:
    from PIL import Image, PngImagePlugin

    image = Image.fromarray(PIXELS.astype(np.uint8))
    info = PngImagePlugin.PngInfo()
    info.add_text("Patient", NAME)
    for kind, options in (
        ("PNG", {"pnginfo": info}),
        ("TIFF", {"tiffinfo": {270: NAME, 315: NAME}}),
        ("TIFF", {"tiffinfo": {270: NAME}, "compression": "tiff_lzw"}),
        ("JPEG", {"comment": NAME.encode()}),
    ):
        stream = io.BytesIO()
        image.save(stream, kind, **options)
        assert NAME.encode() in stream.getvalue()
        assert NAME not in traces(stream.getvalue(), caplog, capfd)


def test_other_users_of_pydicom_keep_their_warnings() -> None:
    from pydicom.misc import warn_and_log

    decode(dicom(PIXELS, bits=12))
    with pytest.warns(UserWarning, match="something else"):
        warn_and_log("something else")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("CHEST", "CHEST"),
        ("Chest", "CHEST"),
        ("CHEST ", "CHEST"),
        ("THORAX", "CHEST"),
        ("CHEST PA", "CHEST"),
        ("DOE CHEST", "CHEST"),
        ("CHEST_ABDOMEN", "CHESTABDOMEN"),
        ("CHEST HAND", None),
        ("HAND", "HAND"),
        ("DOE^JANE", None),
        ("", None),
    ],
)
def test_a_body_part_is_a_known_term_or_nothing(written: str, kept: str | None) -> None:
    assert decode(dicom(PIXELS, bits=12, BodyPartExamined=written)).facts.body_part == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [("PA", "PA"), ("ap", "AP"), ("LL", "LL"), ("LAT", "LATERAL"), ("JANE", None), ("", None)],
)
def test_a_view_is_a_known_term_or_nothing(written: str, kept: str | None) -> None:
    assert decode(dicom(PIXELS, bits=12, ViewPosition=written)).facts.view == kept


def test_codes_stand_in_for_absent_terms() -> None:
    from pydicom.dataset import Dataset

    region, view = Dataset(), Dataset()
    region.CodeValue, view.CodeValue = "T-D3000", "399348003"
    data = dicom(
        PIXELS,
        bits=12,
        BodyPartExamined=None,
        ViewPosition=None,
        AnatomicRegionSequence=[region],
        ViewCodeSequence=[view],
    )
    facts = decode(data).facts
    assert (facts.body_part, facts.view) == ("CHEST", "AP")


@pytest.mark.parametrize(
    ("written", "years"),
    [
        ("012Y", 12),
        ("018M", 1.5),
        ("003W", 21 / 365.25),
        ("010D", 10 / 365.25),
        ("000D", 0),
        ("7Y", 7),
        ("200Y", None),
        ("12", None),
        ("ABCY", None),
        ("", None),
    ],
)
def test_an_age_is_years_with_fractions_for_infants(written: str, years: float | None) -> None:
    found = decode(overwrite(dicom(PIXELS, bits=12), b"\x10\x00\x10\x10", written)).facts.age_years
    assert found == (None if years is None else pytest.approx(years))


def test_an_age_is_never_worked_out_from_a_birth_date() -> None:
    data = dicom(PIXELS, bits=12, PatientAge=None, PatientBirthDate="20200101")
    assert decode(data).facts.age_years is None


@pytest.mark.parametrize(("written", "kept"), [("F", "F"), ("M", "M"), ("O", "O"), ("JANE", None)])
def test_a_sex_is_one_of_three_letters(written: str, kept: str | None) -> None:
    data = overwrite(dicom(PIXELS, bits=12), b"\x10\x00\x40\x00", written)
    assert decode(data).facts.sex == kept


def test_pixel_spacing_goes_before_that_of_the_detector() -> None:
    both = dicom(PIXELS, bits=12, PixelSpacing=[0.2, 0.3], ImagerPixelSpacing=[0.4, 0.5])
    assert decode(both).facts.spacing_mm == (0.2, 0.3)
    one = dicom(PIXELS, bits=12, ImagerPixelSpacing=[0.4, 0.5])
    assert decode(one).facts.spacing_mm == (0.4, 0.5)
    assert decode(dicom(PIXELS, bits=12, PixelSpacing=[0, 5000])).facts.spacing_mm is None
