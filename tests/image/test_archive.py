"""Archives: one member at a time, in memory, and no hostile one gets further than its own line."""

from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import pytest

from cxr_core.errors import ArchiveError, ImageError
from cxr_core.image import MAX_FILES, ArchiveMember, decode, is_archive, members
from tests.films import archive, chest, dicom, gradient, png

FILM = png(chest(64, 64))


def unpacked(data: bytes, name: str = "films.zip") -> dict[str, ArchiveMember]:
    return {m.name: m for m in members(data, name)}


def with_member(info: zipfile.ZipInfo, content: bytes = FILM) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("good.png", FILM)
        target.writestr(info, content)
    return stream.getvalue()


def test_an_archive_is_told_by_content() -> None:
    assert is_archive(archive({"a.png": FILM}))
    assert is_archive(archive({}))
    assert not is_archive(FILM)
    assert not is_archive(b"")


def test_films_come_out_as_they_went_in_with_their_folders() -> None:
    other = dicom(gradient())
    data = archive({"a.png": FILM, "study/b": other, "study/": b""})
    found = unpacked(data)
    assert {n: m.data for n, m in found.items()} == {
        "films.zip/a.png": FILM,
        "films.zip/study/b": other,
    }
    assert all(m.error is None for m in found.values())


@pytest.mark.parametrize("kind", ["bytes", "path", "file"])
def test_every_kind_of_source_is_read(kind: str, tmp_path: Path) -> None:
    data = archive({"a.png": FILM})
    path = tmp_path / "films.zip"
    path.write_bytes(data)
    source = {"bytes": data, "path": path, "file": io.BytesIO(data)}[kind]
    assert [m.data for m in members(source, "")] == [FILM]  # type: ignore[arg-type]


def test_a_file_on_disk_is_closed_when_its_films_are_read(tmp_path: Path) -> None:
    path = tmp_path / "films.zip"
    path.write_bytes(archive({"a.png": FILM}))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        list(members(path, "films.zip"))
        path.write_bytes(b"PK\x03\x04 damaged")
        with pytest.raises(ArchiveError):
            members(path, "films.zip")


def test_what_operating_systems_add_is_passed_over() -> None:
    junk = ["__MACOSX/._a.png", "._a.png", ".DS_Store", "s/Thumbs.db", "DICOMDIR", "desktop.ini"]
    found = unpacked(archive({**dict.fromkeys(junk, b"junk"), "a.png": FILM}))
    assert list(found) == ["films.zip/a.png"]


@pytest.mark.parametrize(
    "path",
    [
        "../evil.png",
        "a/../../evil.png",
        "/etc/evil.png",
        "C:\\evil.png",
        "..\\evil.png",
        "c:evil.png",
    ],
)
def test_a_path_out_of_the_archive_is_refused_and_the_rest_goes_on(path: str) -> None:
    found = unpacked(with_member(zipfile.ZipInfo(path)))
    good, bad = found.values()
    assert good.data == FILM
    assert bad.data is None
    assert "leads out of the archive" in str(bad.error)
    assert ".." not in bad.name
    assert not bad.name.startswith("/")


def test_a_link_is_refused() -> None:
    info = zipfile.ZipInfo("link.png")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    bad = unpacked(with_member(info, b"/etc/passwd"))["films.zip/link.png"]
    assert bad.data is None
    assert "a link" in str(bad.error)


def test_an_encrypted_member_says_so() -> None:
    data = bytearray(archive({"a.png": FILM}))
    for at in (data.index(b"PK\x03\x04") + 6, data.index(b"PK\x01\x02") + 8):
        data[at] |= 1
    (member,) = unpacked(bytes(data)).values()
    assert "encrypted" in str(member.error)


def test_an_archive_within_an_archive_is_refused() -> None:
    found = unpacked(archive({"inner.zip": archive({"a.png": FILM}), "b.png": FILM}))
    assert "archive within the archive" in str(found["films.zip/inner.zip"].error)
    assert found["films.zip/b.png"].data == FILM


def test_a_damaged_member_is_refused_and_the_rest_goes_on() -> None:
    stored = archive({"a.png": FILM, "b.png": FILM}, zipfile.ZIP_STORED)
    data = bytearray(stored)
    data[60] ^= 0xFF
    found = unpacked(bytes(data))
    assert "damaged file" in str(found["films.zip/a.png"].error)
    assert found["films.zip/b.png"].data == FILM


def test_a_rare_compression_is_refused_by_name() -> None:
    data = bytearray(archive({"a.png": FILM}))
    for at in (data.index(b"PK\x03\x04") + 8, data.index(b"PK\x01\x02") + 10):
        data[at] = 97
    (member,) = unpacked(bytes(data)).values()
    assert "rare compression" in str(member.error)


def test_an_empty_member_is_refused() -> None:
    found = unpacked(archive({"a.png": b"", "b.png": FILM}))
    assert "empty file" in str(found["films.zip/a.png"].error)


def test_more_than_200_files_are_refused() -> None:
    many = {f"{i}.png": b"x" for i in range(MAX_FILES + 1)}
    with pytest.raises(ArchiveError, match="201 files"):
        members(archive(many), "films.zip")
    many.pop("0.png")
    assert len(unpacked(archive(many))) == MAX_FILES


def test_a_member_above_50_mb_is_refused_and_the_rest_goes_on() -> None:
    found = unpacked(archive({"large.dcm": bytes(51 * 2**20), "b.png": FILM}))
    assert "a file of 51 MB" in str(found["films.zip/large.dcm"].error)
    assert found["films.zip/b.png"].data == FILM


def test_an_archive_above_500_mb_unpacked_is_refused() -> None:
    data = bytearray(archive({f"{i}.dcm": bytes(100) for i in range(11)}))
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 24 : at + 28] = struct.pack("<I", 49 * 2**20)
        at += 4
    with pytest.raises(ArchiveError, match="539 MB unpacked"):
        members(bytes(data), "films.zip")


def test_a_bomb_is_refused_without_unpacking_it() -> None:
    data = archive({"bomb.dcm": bytes(49 * 2**20), "b.png": FILM})
    tracemalloc.start()
    try:
        found = unpacked(data)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
    assert "far more tightly" in str(found["films.zip/bomb.dcm"].error)
    assert found["films.zip/b.png"].data == FILM


def test_a_member_that_unpacks_to_more_than_it_states_is_damaged() -> None:
    data = bytearray(archive({"a.dcm": bytes(range(256)) * 4096}))
    for at in (data.index(b"PK\x03\x04") + 22, data.index(b"PK\x01\x02") + 24):
        data[at : at + 4] = struct.pack("<I", 1000)
    (member,) = unpacked(bytes(data)).values()
    assert member.data is None
    assert "damaged" in str(member.error)


def test_members_that_share_their_data_are_refused() -> None:
    data = archive({"a.dcm": FILM, "b.dcm": FILM})
    at = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4) + 42
    overlapping = data[:at] + struct.pack("<I", 0) + data[at + 4 :]
    with pytest.raises(ArchiveError, match="overlap"):
        members(overlapping, "films.zip")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_archive_is_refused(share: float) -> None:
    data = archive({"a.png": FILM, "b.png": FILM})
    with pytest.raises(ArchiveError, match="damaged or incomplete archive"):
        members(data[: int(len(data) * share)], "films.zip")


def test_an_archive_without_films_is_refused() -> None:
    for data in (archive({}), archive({".DS_Store": b"x", "folder/": b""})):
        with pytest.raises(ArchiveError, match="without files"):
            members(data, "films.zip")


def test_a_huge_directory_is_refused_before_it_is_read() -> None:
    data = bytearray(archive({"a.png": FILM}))
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = struct.pack("<I", 2**31)
    with pytest.raises(ArchiveError, match="many more files"):
        members(bytes(data), "films.zip")


def test_names_cannot_steer_a_terminal() -> None:
    found = unpacked(archive({"a\x1b[31m\u202egnp.png": FILM}), "dir/../films\n.zip")
    (name,) = found
    assert name.isprintable()
    assert "\u202e" not in name


def test_a_film_is_not_an_archive_and_an_archive_not_a_film() -> None:
    with pytest.raises(ArchiveError, match="damaged or incomplete archive"):
        members(FILM, "film.png")
    with pytest.raises(ImageError, match="a ZIP"):
        decode(archive({"a.png": FILM}))


def test_memory_stays_flat_over_many_members() -> None:
    import os

    content = {f"{i}.dcm": os.urandom(2**20) for i in range(30)}
    data = archive(content, zipfile.ZIP_STORED)
    del content
    tracemalloc.start()
    try:
        assert sum(m.data is not None for m in members(data, "films.zip")) == 30
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_nothing_is_written_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    unpacked(archive({"a.png": FILM, "sub/b.png": FILM, "../c.png": FILM}))
    assert list(tmp_path.iterdir()) == []
