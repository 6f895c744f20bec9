"""What `make` calls: run the series, hand-out, learners' copy, pack, check-up, best. Nothing else imports it."""

import sys

from fashion_utils import REPOSITORY

NOTEBOOKS, BUILD = REPOSITORY / "notebooks", REPOSITORY / "build"


def print_anything() -> None:
    """Have stdout show what its encoding lacks by plain characters, see `fashion_utils.printable`, and never raise."""
    if getattr(sys.stdout, "errors", "") == "strict" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="fashion_utils.plain")
