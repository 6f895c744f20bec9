"""Machines, Pythons and folders that the packages cannot be installed on: known beforehand, before pip fails.

Needs only the standard library, for it is asked before anything is installed.
"""

import contextlib
import locale
from pathlib import Path
import platform
import struct
import sys
import sysconfig

from fashion_utils import REPOSITORY

# What there are wheels for, of TensorFlow in the version of the lock and of all other packages in it. Windows as pip
# names it: by the Python that runs there, not the processor, which may emulate another.
WHEELS = {"linux": ("x86_64", "aarch64"), "darwin": ("arm64",), "win32": ("win-amd64",)}
GLIBC, MACOS = (2, 27), 12
LONGEST, ALLOWED = 163, 259  # characters: of the longest path below site-packages, TensorFlow's; of any in Windows


def obstacle() -> str:
    """Return what is in the way of an installation here and what to do about it, in a clause; "" if nothing is."""
    machine = sysconfig.get_platform() if sys.platform == "win32" else platform.machine()
    if machine == "win-arm64":
        return f"TensorFlow is not made for Windows on ARM: {_elsewhere('in Linux under WSL, ')}"
    if sys.platform == "darwin" and machine == "x86_64":
        if "ARM64" in platform.version():  # of the kernel, even where it emulates the other processor
            return "this Python is made for Intel Macs, and TensorFlow is not: install the one for Apple silicon"
        return f"TensorFlow is no longer made for Macs with an Intel processor: {_elsewhere()}"
    if struct.calcsize("P") == 4:
        return "this Python is one of 32 bits, and TensorFlow is made for 64: install the other"
    if machine not in WHEELS.get(sys.platform, ()):
        return f"TensorFlow is not made for {platform.system()} on {machine}: {_elsewhere()}"
    if platform.python_implementation() != "CPython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "TensorFlow is made for CPython with its GIL, and this is another: install the usual one from python.org"
    if sys.platform == "darwin" and int(platform.mac_ver()[0].partition(".")[0] or MACOS) < MACOS:
        return f"TensorFlow needs macOS {MACOS} or later, and this is {platform.mac_ver()[0]}: update the system"
    if sys.platform == "linux" and (old := _old_libc()):
        return f"TensorFlow needs glibc {'.'.join(map(str, GLIBC))} or later, and this Linux has {old}: {_elsewhere()}"
    return _too_long() or misread()


def misread() -> str:
    """Say that Python will not find the project where it is, though it is installed; "" if it will.

    The installation names the project's folder in a file, in UTF-8, which Python before 3.12.4 reads in the system's
    encoding, and does so whatever PYTHONUTF8 says: see https://github.com/python/cpython/issues/77102.
    """
    path = str(REPOSITORY)
    if sys.version_info >= (3, 12, 4) or path == path.encode(errors="replace").decode(locale.getencoding(), "replace"):
        return ""
    letters = "".join(dict.fromkeys(letter for letter in path if not letter.isascii()))
    version = ".".join(map(str, sys.version_info[:3]))
    other = "use Python 3.12.4 or later, or move the project to a folder without such letters and set it up again"
    return f"Python {version} misreads {letters} in {path}, where it is to find the project: {other}"


def main() -> None:
    """Exit with the obstacle, if there is one; what `make` asks before it sets anything up."""
    if found := obstacle():
        sys.exit(f"{found[0].upper()}{found[1:]}.")


def _elsewhere(first: str = "") -> str:
    return f"run this {first}on another machine, or in Google Colab"


def _old_libc() -> str:
    """Return which C library stands in the way on Linux, "" if none does."""
    if "musl" in (sysconfig.get_config_var("SOABI") or ""):
        return "musl"
    name, version = platform.libc_ver()
    numbers = tuple(map(int, version.split(".")[:2])) if name == "glibc" else GLIBC
    return f"glibc {version}" if numbers < GLIBC else ""


def _too_long() -> str:
    """Say that the paths of installed files get too long for Windows, "" if they do not or it allows long ones."""
    if sys.platform != "win32" or _long_paths_allowed():
        return ""
    # Where the packages are installed, or will be by what the README says.
    is_environment = sys.prefix != sys.base_prefix or Path(sys.prefix, "conda-meta").is_dir()
    environment = sys.prefix if is_environment else f"{REPOSITORY}\\.venv"
    excess = len(f"{environment}\\Lib\\site-packages\\") + LONGEST - ALLOWED
    if excess <= 0:
        return ""
    shorter = f"move the project to a path shorter by {excess} characters, such as C:\\fashion, and set it up there"
    return f"paths in {environment} get longer than Windows allows: {shorter}, or allow long paths in Windows"


def _long_paths_allowed() -> bool:
    with contextlib.suppress(ImportError, OSError):
        import winreg

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    return False


if __name__ == "__main__":
    main()
