"""What a release is made of, as CycloneDX 1.5 (JSON): the app, the library in its packages, the modules in its Flatpak.

Names, versions and hashes are the lock file's; what a distribution's own packages bring is theirs to tell. The same
commit gives the same bytes.
"""

import json
import re
import time
import uuid
from typing import Any

from recipes import modules, source

LICENCE = "GPL-3.0-or-later"
SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/smoothtask/smoothtask")


def component(name: str) -> dict[str, Any]:
    """A pinned module; its hashes are those of every file that the lock file allows."""
    text = source.pinned(name)
    version = text.split("==", 1)[1].split()[0]
    hashes = [{"alg": "SHA-256", "content": found} for found in re.findall(r"sha256:([0-9a-f]{64})", text)]
    where = "vendored in the distributions' packages, bundled in the Flatpak" if name == source.VENDORED else "bundled"
    return {
        "type": "library",
        "bom-ref": f"{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "hashes": hashes,
        "description": where if name == source.VENDORED else f"{where} in the Flatpak",
    }


def text() -> str:
    """The whole document."""
    version = source.version()
    own = {"type": "application", "bom-ref": f"smoothtask@{version}", "name": "smoothtask", "version": version}
    parts = [component(name) for name in modules.names()]
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(source.commit_time_s()))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(SPACE, source.git('rev-parse', 'HEAD').strip())}",
        "version": 1,
        "metadata": {"timestamp": when, "component": own | {"licenses": [{"license": {"id": LICENCE}}]}},
        "components": parts,
        "dependencies": [{"ref": own["bom-ref"], "dependsOn": [part["bom-ref"] for part in parts]}],
    }
    return json.dumps(document, indent=2) + "\n"
