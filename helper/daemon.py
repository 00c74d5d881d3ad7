"""The sampler process: the only place that constructs its parts. `bus/serving.py` tells how it lives and ends."""

import functools
from dataclasses import dataclass, field
from pathlib import Path

from helper.bus.authority import Patience
from helper.bus.quotas import Limits
from helper.bus.serving import Offer, Place, serve
from helper.loaders.choice import choose
from helper.sampler import revocation, service
from helper.sampler.assembly import assemble


@dataclass(frozen=True, slots=True)
class Options:
    """`object_dir`: the built BPF objects; `bcc_dir`: sources for BCC; `interface_file`: what introspection returns."""

    object_dir: Path
    bcc_dir: Path
    interface_file: Path
    loader: str = "auto"
    idle_s: float = 60.0
    recheck_s: float = revocation.EVERY_S
    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)


async def run(options: Options) -> int:
    """Serves on the system bus; returns the exit code."""
    offer = Offer(service.NAME, service.PATH, options.idle_s, options.limits, options.patience)
    return await serve(offer, functools.partial(_build, options))


def _build(options: Options, place: Place) -> service.Sampler:
    xml = options.interface_file.read_text(encoding="utf-8")
    parts = assemble(options.object_dir, options.bcc_dir, choose(options.loader))
    may_have_streams = functools.partial(place.authority.require, action=service.MONITOR, may_prompt=False)
    sampler = service.Sampler(parts, options.limits, xml, revocation.Recheck(may_have_streams, options.recheck_s))
    place.callers.when_one_leaves(sampler.hub.end_all_of)
    return sampler
