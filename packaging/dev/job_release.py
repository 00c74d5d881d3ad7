"""./dev release TAG --key KEY: every package from a tag, with checksums, list of parts and changelog, in dist/VERSION.

./dev release --rehearse does the same with the checkout as it is, and a key of its own that is thrown away. Each kind
is built twice in different folders, and a kind that should be reproducible and isn't fails the release.
"""

import re
import shutil
import tempfile
from pathlib import Path
from types import ModuleType

import job_freeze
import places
import ready
from recipes import arch, deb, flatpak, rpm, sbom, signing, source, wheel
from steps import StepError, say

REPRODUCIBLE = (deb, rpm, arch, wheel)
PUBLISHED = ("*.deb", "*.dsc", "*.debian.tar.xz", "*.orig.tar.gz", "*.rpm", "*.pkg.tar.*", "PKGBUILD", "*.whl")
REHEARSAL = "SmoothTask rehearsal <rehearsal@example.org>"


def run(arguments: list[str]) -> int:
    """Make the release; 2 on wrong usage."""
    rehearsal = arguments == ["--rehearse"]
    if not rehearsal and (len(arguments) != 3 or arguments[1] != "--key"):
        print("./dev release TAG --key KEY    (gpg's key for the Flatpak repository)\n./dev release --rehearse")
        return 0 if arguments and set(arguments) <= {"-h", "--help"} else 2
    if not rehearsal:
        refuse_unless_released(arguments[0])
    ready.ensure(set().union(*(recipe.GROUPS for recipe in (*REPRODUCIBLE, flatpak))))
    out = places.TOP / "dist" / source.version()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    shutil.copy(source.archive(), out)
    for recipe in REPRODUCIBLE:
        publish(recipe, out)
    with tempfile.TemporaryDirectory(prefix="smoothtask-key-") as home:
        publish_flatpak(out, signing.made(Path(home), REHEARSAL) if rehearsal else signing.Key(arguments[2]))
    (out / "sbom.cdx.json").write_text(sbom.text())
    (out / "CHANGES.md").write_text(changes(source.version(), rehearsal))
    write_sums(out)
    say(f"released into {out.relative_to(places.TOP)}")
    return 0


def refuse_unless_released(tag: str) -> None:
    """StepError unless the checkout is exactly what `tag` names, and it names this version."""
    if tag != f"v{source.version()}":
        raise StepError(f"{tag} isn't the tag of version {source.version()} (pyproject.toml): v{source.version()}")
    if source.git("rev-parse", f"{tag}^{{commit}}") != source.git("rev-parse", "HEAD"):
        raise StepError(f"the checkout isn't at {tag}: git switch --detach {tag}")
    job_freeze.refuse_unless_frozen()
    if changed := source.git("status", "--porcelain").strip():
        raise StepError(f"the checkout has changes that {tag} doesn't have:\n{changed}")


def publish(recipe: ModuleType, out: Path) -> None:
    """Build twice, compare, check, and copy what people get; StepError if the two differ."""
    first = places.BUILD / "release" / "first" / recipe.FOLDER.name
    second = places.BUILD / "release" / "second" / recipe.FOLDER.name
    for folder in (first, second):
        shutil.rmtree(folder, ignore_errors=True)
        recipe.build(folder)
    recipe.check(first)
    wanted = sorted({path for pattern in PUBLISHED for path in first.glob(pattern)})
    if different := [path.name for path in wanted if source.digest(path) != source.digest(second / path.name)]:
        raise StepError(f"built twice from the same source, these differ: {', '.join(different)}")
    say(f"{recipe.FOLDER.name}: the same bytes twice")
    for path in wanted:
        if not path.name.endswith(".orig.tar.gz"):  # the source archive by another name
            shutil.copy(path, out)


def publish_flatpak(out: Path, key: signing.Key) -> None:
    """Repository, bundle and public key; installed with the signature checked, built again and its files compared."""
    folder = out / "flatpak"
    (bundle,) = flatpak.build(folder, key)
    public_key = key.write_public(out / flatpak.PUBLIC_KEY)
    flatpak.check(folder, public_key)
    again = places.BUILD / "release" / "second" / flatpak.FOLDER.name
    shutil.rmtree(again, ignore_errors=True)
    flatpak.repository(again)
    if flatpak.tree(folder) != flatpak.tree(again):
        raise StepError(
            f"built twice from the same source, the Flatpak's files differ: see ostree ls -RC of {again}/repo"
        )
    say("flatpak: signed, and the same files twice")
    bundle.rename(out / bundle.name)


def changes(version: str, rehearsal: bool) -> str:
    """The version's section of CHANGELOG.md (in a rehearsal what is unreleased); StepError if there is none."""
    text = (places.TOP / "CHANGELOG.md").read_text()
    for title in (version, *(["Unreleased"] if rehearsal else [])):
        found = re.search(rf"^## \[{re.escape(title)}\].*?(?=^## \[|\Z)", text, re.MULTILINE | re.DOTALL)
        if found is not None:
            return found[0]
    raise StepError(f"CHANGELOG.md has no section [{version}]")


def write_sums(out: Path) -> None:
    """SHA256SUMS of all files at the top, as sha256sum(1) checks them."""
    files = sorted(path for path in out.iterdir() if path.is_file())
    (out / "SHA256SUMS").write_text("".join(f"{source.digest(path)}  {path.name}\n" for path in files))
