"""What `make` calls: run the series, hand-out, learners' copy, assignments, pack … Nothing else imports it.

It is for the repository, which has the notebooks; anywhere else each command ends with a sentence that says so.
"""

from pathlib import Path
import sys

from fashion_utils import IN_REPOSITORY, REPOSITORY

if not IN_REPOSITORY:
    sys.exit(
        f"This command needs the project's whole repository, and {Path(__file__).parents[1]} was installed without it: "
        "call the command in a copy of the project that was set up as its README says."
    )

NOTEBOOKS, BUILD = REPOSITORY / "notebooks", REPOSITORY / "build"


def print_anything() -> None:
    """Have stdout show what its encoding lacks by plain characters, see `fashion_utils.printable`, and never raise."""
    if getattr(sys.stdout, "errors", "") == "strict" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="fashion_utils.plain")
