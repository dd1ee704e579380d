"""python -m loupe_lmms_eval: lmms-eval's own command, for a torchvision that does not fit torch.

lmms-eval imports torchvision long before it looks for plugins; `import vlm` repairs it first.
"""

import vlm  # noqa: F401  must precede lmms_eval


def main() -> None:
    """Hand the command line to lmms-eval, unchanged."""
    from lmms_eval.cli.dispatch import main as dispatch

    dispatch()


if __name__ == "__main__":
    main()
