"""Promises of `adapters/history/frames.py` and `past.py`: what comes out is what went in, or it is refused."""

import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.adapters.history import frames, past
from smoothtask_gui.adapters.history.frames import FrameError
from smoothtask_gui.domain.history.apps import VALUES, AppName
from smoothtask_gui.domain.history.buckets import Bucket, Bucketer
from smoothtask_gui.domain.history.series import SERIES
from smoothtask_gui.domain.incident import Incident, IncidentState
from tests.fakes.batches import Machine
from tests.fakes.history import samples
from tests.fakes.incidents import runaway

ROUNDING = 2 ** (1 / 2048) - 1 + 1e-9


def seconds(count: int = 5) -> list[Bucket]:
    machine, bucketer = Machine(), Bucketer()
    machine.hot(71.25)
    for name in ("HandBrake", "Музыка", "<b>\t\n\x1b[31m"):
        machine.start(name, 0.7, rss_bytes=3_123_456_789)
    for sample in samples(machine, count):
        bucketer.add(sample)
    return [bucket for bucket in bucketer.waiting() if bucket.level == 0]


def test_a_chunk_comes_back_as_it_was_but_for_rounding() -> None:
    buckets = seconds()
    found = frames.decode(frames.encode(buckets))
    assert found.serials.tolist() == [bucket.serial for bucket in buckets]
    assert found.start_s.tolist() == [bucket.start_s for bucket in buckets]
    assert found.measured_ms.tolist() == [bucket.measured_ms for bucket in buckets]
    np.testing.assert_allclose(found.means, np.stack([bucket.means for bucket in buckets]), rtol=ROUNDING, atol=1e-5)
    for place, bucket in enumerate(buckets):
        apps = np.flatnonzero(found.app_bucket == place)
        names = [found.names[at].name for at in found.app_name[apps]]
        assert names == [frames.safe_text(name.name) for name in bucket.apps.names]
        np.testing.assert_allclose(found.app_values[apps], bucket.apps.values, rtol=ROUNDING, atol=1e-5)


@settings(deadline=None)
@given(st.lists(st.floats(min_value=0, max_value=1e18), min_size=1, max_size=20), st.sampled_from(["bytes", "bps"]))
def test_numbers_of_every_size_keep_three_digits(values: list[float], unit: str) -> None:
    column = np.array(values)[:, None]
    scale = frames.scale_of([f"x_{unit}"])
    back = frames.unpack(frames.pack(column, scale), scale)
    np.testing.assert_allclose(back, column, rtol=ROUNDING, atol=0.5)


@settings(deadline=None)
@given(st.floats(min_value=-60, max_value=300))
def test_temperatures_keep_hundredths_of_a_degree(value: float) -> None:
    scale = frames.scale_of(["x_c"])
    assert frames.unpack(frames.pack(np.array([[value]]), scale), scale)[0, 0] == pytest.approx(value, abs=0.0051)


@settings(deadline=None)
@given(st.sampled_from([np.nan, np.inf, -np.inf, -1e9]), st.sampled_from(["bytes", "c", "ratio"]))
def test_what_is_no_value_is_missing(value: float, unit: str) -> None:
    scale = frames.scale_of([f"x_{unit}"])
    assert np.isnan(frames.unpack(frames.pack(np.array([[value]]), scale), scale)).all()


def test_a_chunk_with_a_flipped_bit_anywhere_is_refused_or_the_same() -> None:
    frame = frames.encode(seconds(3))
    good = frames.decode(frame)
    for place in range(len(frame)):
        damaged = bytearray(frame)
        damaged[place] ^= 1 << (place % 8)
        try:
            found = frames.decode(bytes(damaged))
        except FrameError:
            continue
        np.testing.assert_array_equal(found.means, good.means)


def test_a_chunk_cut_at_any_byte_is_refused() -> None:
    frame = frames.encode(seconds(3))
    for length in range(len(frame)):
        with pytest.raises(FrameError):
            frames.decode(frame[:length])


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_bytes_of_anybody_are_refused_and_nothing_worse(raw: bytes) -> None:
    for frame in (raw, zlib.compress(raw)):
        with pytest.raises(FrameError):
            frames.decode(frame)
        with pytest.raises(FrameError):
            past.decode(frame)


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(FrameError):
        frames.decode(zlib.compress(bytes(frames.LARGEST_BYTES + 1)))
    with pytest.raises(FrameError):
        past.decode(zlib.compress(bytes(past.LARGEST_BYTES + 1)))


def test_a_chunk_of_a_version_with_fewer_series_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    buckets = [replace(each, means=each.means[:5], peaks=each.peaks[:5]) for each in seconds(2)]
    with monkeypatch.context() as older:
        older.setattr(frames, "SERIES", SERIES[:5])
        older.setattr(frames, "_SERIES_SCALE", frames.scale_of(SERIES[:5]))
        frame = frames.encode(buckets)
    found = frames.decode(frame)
    np.testing.assert_allclose(found.means[:, :5], [each.means for each in buckets], rtol=ROUNDING, atol=1e-5)
    assert np.isnan(found.means[:, 5:]).all()


def test_names_are_bounded_and_stay_on_their_line() -> None:
    (bucket,) = seconds(1)
    names = tuple(AppName("k\ney\t" * 50, "n" * 500) for _ in bucket.apps.names[:1])
    table = replace(bucket.apps, names=names, values=bucket.apps.values[:1], processes=bucket.apps.processes[:1],
                    ended=bucket.apps.ended[:1])  # fmt: skip
    (found,) = frames.decode(frames.encode([replace(bucket, apps=table)])).names
    assert len(found.name.encode()) <= frames.NAME_BYTES
    assert "\n" not in found.key
    assert len(VALUES) == 7


@pytest.mark.parametrize("state", IncidentState)
def test_an_incident_comes_back_whole(state: IncidentState) -> None:
    incident = runaway(7, title="Музыка \x1b[31m <b>", state=state)
    assert past.decode(past.encode(incident)) == incident


def test_an_incident_of_another_version_is_read_as_far_as_it_is_understood() -> None:
    told = json.loads(zlib.decompress(past.encode(runaway(7))))
    told["version"], told["incident"]["new"] = 99, {"any": "thing"}
    assert past.decode(zlib.compress(json.dumps(told).encode())) == runaway(7)
    for name in Incident.__dataclass_fields__:
        broken = {**told, "incident": {**told["incident"], name: {"no": "such"}}}
        with pytest.raises(FrameError):
            past.decode(zlib.compress(json.dumps(broken).encode()))


def test_an_absurdly_large_incident_is_refused() -> None:
    with pytest.raises(FrameError, match="takes"):
        past.encode(runaway(1, body="x" * past.LARGEST_BYTES))
