"""`python -m facemend` is the same as the `facemend` command."""

from facemend.cli import main

if __name__ == "__main__":
    main()
