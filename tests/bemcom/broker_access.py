"""Who may use a broker in a test: passwords, rights and certificates."""

from pathlib import Path
import shutil
import subprocess
from typing import Any

import pytest
import trustme


def passwords(folder: Path, **users: str) -> tuple[str, ...]:
    """Return settings for these users only."""
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed")
    file = folder / "passwords"
    file.touch(mode=0o600)
    for user, password in users.items():
        subprocess.run([tool, "-b", str(file), user, password], check=True)
    _let_in(file)
    return ("allow_anonymous false", f"password_file {file}")


def readable(folder: Path, text: str) -> tuple[str, ...]:
    """Return settings for a broker with access rights."""
    access = folder / "acl"
    access.write_text(text)
    _let_in(access)
    return ("allow_anonymous true", f"acl_file {access}")


def files(authority: trustme.CA, folder: Path, name: str) -> dict[str, Any]:
    """Return the files of a certificate that anybody may read."""
    issued = authority.issue_cert("127.0.0.1", common_name=name)
    paths = {kind: folder / f"{name}-{kind}.pem" for kind in ("certificate", "key")}
    issued.cert_chain_pems[0].write_to_path(str(paths["certificate"]))
    issued.private_key_pem.write_to_path(str(paths["key"]))
    paths["ca"] = folder / f"{name}-ca.pem"
    authority.cert_pem.write_to_path(str(paths["ca"]))
    for path in paths.values():
        _let_in(path)
    return {kind: str(path) for kind, path in paths.items()}


def _let_in(path: Path) -> None:
    """Let a broker that gives up root read a file; folders above pytest's stay as they are."""
    path.chmod(0o644)
    for parent in path.parents:
        if "pytest-of-" in str(parent):
            parent.chmod(0o755)
