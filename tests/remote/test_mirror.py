"""A folder here for one elsewhere: what goes first, what goes at all, and what another process finds. In memory."""

import pytest

pytest.importorskip("fsspec")

from diffuse_fuse.errors import ImageReadError
from diffuse_fuse.remote import mirror as module
from diffuse_fuse.remote.mirror import Mirror
from diffuse_fuse.remote.store import Store


@pytest.fixture
def url():
    import fsspec

    yield "memory://scores/one"
    files = fsspec.filesystem("memory")
    if files.exists("/scores"):
        files.rm("/scores", recursive=True)


@pytest.fixture
def written(monkeypatch):
    names, write = [], Store.write

    def noted(self, url, data):
        names.append(url.rpartition("/")[2])
        write(self, url, data)

    monkeypatch.setattr(Store, "write", noted)
    return names


def fill(mirror, *names):
    for name in names:
        (mirror.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror.folder / name).write_text(name)


def test_what_tells_of_others_goes_first_and_what_is_made_of_them_last(url, written):
    mirror = Mirror(url)
    fill(mirror, "table.md", "fused/m/a.png", "cache.jsonl", "views/a.webp", ".table.md.1-2.tmp")
    mirror.send()
    assert written[0] == "cache.jsonl" and written[-1] == "table.md" and len(written) == 4
    written.clear()
    fill(mirror, "fused/m/b.png")
    (mirror.folder / "views" / "a.webp").unlink()
    mirror.send()
    assert written == ["b.png"]
    other = Mirror(url)
    other.bring()
    found = {path.relative_to(other.folder).as_posix() for path in other.folder.rglob("*") if path.is_file()}
    assert found == {"table.md", "fused/m/a.png", "fused/m/b.png", "cache.jsonl"}
    other.send()
    assert written == ["b.png"]


def test_what_is_done_goes_once_in_a_while_and_at_the_end(url, written, monkeypatch):
    mirror, calls = Mirror(url), []
    after = mirror.after(lambda: calls.append(1))
    with pytest.raises(KeyboardInterrupt), mirror.kept():
        fill(mirror, "a.png")
        after()
        assert calls == [1] and not written
        monkeypatch.setattr(module, "_EVERY", -1.0)
        after()
        assert written == ["a.png"]
        fill(mirror, "b.png")
        raise KeyboardInterrupt
    assert written == ["a.png", "b.png"]


def test_a_key_that_leads_out_of_its_folder_is_passed_over(url, monkeypatch):
    store = Store("memory")
    store.write(f"{url}/a.png", b"a")
    monkeypatch.setattr(
        type(store._files), "find", lambda *_, **__: {"/scores/one/../../etc/x.png": {}, "/scores/one/a.png": {}}
    )
    assert list(store.listed(url)) == ["a.png"]
    with pytest.raises(ImageReadError, match="There is no file"):
        store.read(f"{url}/none")
