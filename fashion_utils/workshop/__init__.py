"""What `make` calls: run the series, hand-out, learners' copy, pack, check-up, best. Nothing else imports it."""

from fashion_utils import REPOSITORY

NOTEBOOKS, BUILD = REPOSITORY / "notebooks", REPOSITORY / "build"
