"""Dependencies are pinned by hash, name no host, and each earns its place."""

import re
import tomllib

from tests.house_rules.sources import ROOT

PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
HOST = re.compile(r"://|--(extra-)?index|--find-links|--trusted-host")


def lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall(lock(name)))


def direct_dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return {re.split(r"[<>=!~;\[ ]", line)[0].lower() for line in wanted}


def test_no_lock_names_a_package_host() -> None:
    for path in (ROOT / "requirements").iterdir():
        assert not HOST.search(path.read_text(encoding="utf-8")), path.name


def test_every_pin_has_its_hashes() -> None:
    for name in ("boot", "run", "dev"):
        entries = re.split(r"\n(?=[a-z0-9])", lock(name).strip())
        assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_tests_run_on_the_very_versions_that_ship() -> None:
    assert pins("run").items() <= pins("dev").items()


def test_the_boot_environment_holds_uv_alone() -> None:
    assert set(pins("boot")) == {"uv"}


def test_every_direct_dependency_is_locked() -> None:
    assert direct_dependencies() - set(pins("dev")) == set()


def test_every_direct_dependency_has_its_line_of_reason() -> None:
    document = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([a-z0-9-]+)` \| \S", document, re.MULTILINE))

    assert explained == direct_dependencies() | set(pins("boot"))


def test_the_rule_bites() -> None:
    assert HOST.search("--index-url https://packages.example")
    assert PIN.findall("uv==0.1 \\\n    --hash=sha256:00") == [("uv", "0.1")]
