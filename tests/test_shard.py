"""Parts of a run: each pair in one of them, the same one each time."""

import pytest

from diffuse_fuse.errors import UsageError
from diffuse_fuse.shard import Shard

NAMES = [f"sub/{number:05}.png" for number in range(2000)]


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_each_name_is_in_one_part(count):
    parts = [[name for name in NAMES if Shard(index, count).holds(name)] for index in range(1, count + 1)]
    assert sorted(name for part in parts for name in part) == NAMES
    assert max(map(len, parts)) < 1.2 * len(NAMES) / count + 20


def test_a_part_is_the_same_on_every_machine_and_forever():
    assert [name for name in NAMES[:24] if Shard(2, 3).holds(name)] == [
        f"sub/{number:05}.png" for number in (1, 4, 5, 6, 11, 12, 13, 15, 19, 22, 23)
    ]


def test_text_and_back():
    assert Shard.parse("3/8") == Shard(3, 8) and str(Shard(3, 8)) == "3/8"


@pytest.mark.parametrize("text", ["", "3", "0/8", "9/8", "1/0", "-1/8", "a/b", "1/2/3", "1.5/2", "²/3"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(UsageError, match="--shard takes part I of N as I/N"):
        Shard.parse(text)
