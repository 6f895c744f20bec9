"""Run a command with the network cut off: `python tests/no_network.py COMMAND ...`. The exit status is the command's.

Where Linux allows it, the command gets a network namespace of its own that holds nothing but the loopback device, which
Jupyter kernels need. Elsewhere proxies that lead to a closed port keep pip, requests and urllib from getting out.
"""

import os
import subprocess
import sys

NAMESPACE = ["unshare", "--map-root-user", "--net"]
CLOSED = "http://127.0.0.1:9"
PROXIES = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), CLOSED)
PROXIES |= {name.upper(): url for name, url in PROXIES.items()}
PROXIES |= dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")


def has_namespaces() -> bool:
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def cut_off(command: list[str]) -> tuple[list[str], dict[str, str], str]:
    """Return the command that runs `command` without a network, the environment it needs, and how it is done.

    pip's settings are left out of the environment: an index or a folder with wheels on this very machine would help.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    if has_namespaces():
        return [*NAMESPACE, sys.executable, __file__, "--inside", *command], environment, "in a network namespace"
    return command, environment | PROXIES, "by proxies that lead to a closed port"


def _start_loopback() -> None:
    import fcntl
    import socket
    import struct

    set_flags, up = 0x8914, 1  # SIOCSIFFLAGS, IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up))


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        _start_loopback()
        os.execvp(sys.argv[2], sys.argv[2:])
    command, environment, how = cut_off(sys.argv[1:])
    print(f"The network is cut off {how}.", flush=True)
    sys.exit(subprocess.run(command, env=environment).returncode)
