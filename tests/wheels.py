"""Wheels for tests of what pip does, made here, since no test may need a network."""

import hashlib
from importlib import metadata
from pathlib import Path
import zipfile


def wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> str:
    """Write a wheel and return the line that pins it in a lock."""
    info = f"{name}-{version}.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"]))
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def flit_core(folder: Path) -> str:
    """Write a wheel of the flit_core that is installed, with which pip builds this project; return its line."""
    installed = metadata.distribution("flit_core")
    modules = {str(path): path.read_binary() for path in installed.files if path.parts[0] == "flit_core"}
    return wheel(folder, "flit_core", installed.version, {n: c for n, c in modules.items() if not n.endswith(".pyc")})
