"""`python -m fashion_utils`: the check-up."""

import sys

from fashion_utils.workshop import checkup

if __name__ == "__main__":
    sys.exit(checkup.main())
