"""``python -m symstack``: the program ``symstack``, where its script is not on the path."""

import sys

from symstack.cli import main

if __name__ == "__main__":
    sys.exit(main())
