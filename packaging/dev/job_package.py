"""./dev package KIND…: build packages into build/packages/KIND, each judged by its distribution's own checker."""

import importlib
import sys

import ready
import steps

KINDS = ("deb", "rpm", "arch", "flatpak", "wheel")


def run(arguments: list[str]) -> int:
    """Build the kinds that are named; 2 for one that isn't there."""
    if not arguments or set(arguments) & {"-h", "--help"}:
        print(f"./dev package KIND…\nkinds: {' '.join(KINDS)}; docs/packaging.md says how each is made.")
        return 0 if arguments else 2
    if unknown := [kind for kind in arguments if kind not in KINDS]:
        print(f"./dev package: there is no kind {unknown[0]!r}; there are {', '.join(KINDS)}.", file=sys.stderr)
        return 2
    for kind in arguments:
        recipe = importlib.import_module(f"recipes.{kind}")
        ready.ensure(recipe.GROUPS)
        made = recipe.build()
        recipe.check()
        steps.say(f"{kind}: checked")
        for path in made:
            print(path)
    return 0
