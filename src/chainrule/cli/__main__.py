"""`python -m chainrule.cli`."""

from chainrule.cli import main

if __name__ == "__main__":
    main()
