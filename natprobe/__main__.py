"""`python -m natprobe`."""

from natprobe.cli import main

if __name__ == "__main__":
    main()
