"""The pinned requirements are in step with pyproject.toml, hashed, and name no address to get them from."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)==(?P<version>[^ ;\\]+)")
ADDRESS = re.compile(r"://|--(extra-)?index-url|--find-links|^-[ief] |--trusted-host", re.MULTILINE)


def pins(text: str) -> dict[str, str]:
    """Return the pinned version of each package in a requirements file."""
    found = (PIN.match(line) for line in text.splitlines())
    return {canonicalize_name(pin["name"]): pin["version"] for pin in found if pin}


def out_of_step(wanted: list[str], text: str, file: str) -> Iterator[str]:
    """Yield what a requirements file lacks of the packages that are wanted, and lines it must not have."""
    pinned = pins(text)
    for line in wanted:
        requirement = Requirement(line)
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None:
            yield f"{file}: {requirement.name} is not pinned; run `make requirements`"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"{file}: {requirement.name} {version} is not {requirement.specifier}; run `make requirements`"
    for block in re.split(r"\n(?=\S)", text):
        if (pin := PIN.match(block)) and "--hash=sha256:" not in block:
            yield f"{file}: {pin['name']} has no hash"
    for match in ADDRESS.finditer(text):
        yield f"{file}: names where to get packages ({match[0].strip()}); leave that to the machine"


def main() -> int:
    """Print what is out of step. Returns the exit status."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        "requirements.txt": project["project"]["dependencies"],
        "tests/requirements.txt": project["dependency-groups"]["tests"],
    }
    complaints = [
        line for file, names in wanted.items() for line in out_of_step(names, (ROOT / file).read_text(), file)
    ]
    print("\n".join(complaints) or "requirements in step")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
