from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smoothtask_gui.domain.gpu_reading import EngineUse
from smoothtask_gui.sources.gpu.fdinfo import DrmClient, parse_fdinfo

I915 = b"""pos:	0
flags:	0100002
drm-driver: i915
drm-pdev: 0000:00:02.0
drm-client-id: 7
drm-total-system0: 10 MiB
drm-resident-system0: 8 MiB
drm-engine-render: 9288864723 ns
drm-engine-video: 20 ns
drm-engine-capacity-video: 2
"""
XE = b"""drm-driver:	xe
drm-client-id:	3
drm-pdev:	0000:03:00.0
drm-total-gtt:	192 KiB
drm-resident-gtt:	192 KiB
drm-total-vram0:	23992 KiB
drm-resident-vram0:	16 MiB
drm-cycles-rcs:	28257900
drm-total-cycles-rcs:	7655183225
drm-cycles-vcs:	5
drm-engine-capacity-vcs:	2
"""
AMDGPU = b"""drm-driver:	amdgpu
drm-client-id:	12
drm-pdev:	0000:0a:00.0
drm-memory-vram:	8188 KiB
drm-memory-gtt: 	2048 KiB
drm-memory-cpu: 	0 KiB
drm-engine-gfx:	1234 ns
"""
PANFROST = (
    b"drm-driver:\tpanfrost\ndrm-client-id:\t3\ndrm-engine-fragment:\t1846584880 ns\ndrm-cycles-fragment:\t1424359409\n"
)


def test_i915_counts_busy_time_and_several_engines_of_a_kind() -> None:
    assert parse_fdinfo(I915) == DrmClient(
        "i915",
        "0000:00:02.0",
        "7",
        (EngineUse("render", 9288864723), EngineUse("video", 20, None, 2)),
        8 << 20,
    )


def test_xe_counts_cycles_of_a_clock_and_an_engine_without_a_clock_is_left_out() -> None:
    client = parse_fdinfo(XE)
    assert client is not None
    assert client.engines == (EngineUse("rcs", 28257900, 7655183225),)


def test_memory_is_the_cards_own_where_it_has_some() -> None:
    sizes = [client.memory_bytes for text in (XE, AMDGPU) if (client := parse_fdinfo(text))]
    assert sizes == [16 << 20, 8188 << 10]


def test_busy_time_goes_before_cycles_and_a_driver_may_give_no_place() -> None:
    client = parse_fdinfo(PANFROST)
    assert client is not None
    assert (client.place, client.engines, client.memory_bytes) == ("", (EngineUse("fragment", 1846584880),), None)


def test_what_is_no_drm_file_is_no_client() -> None:
    assert parse_fdinfo(b"pos:\t0\nflags:\t02\n") is None
    assert parse_fdinfo(b"") is None


@given(st.binary(max_size=300))
def test_any_bytes_give_a_client_or_none(text: bytes) -> None:
    parse_fdinfo(b"drm-driver: x\n" + text)
