"""python -m loupe_lmms_eval: run lmms-eval's command even if torchvision does not match torch.

lmms-eval imports torchvision long before it looks for plugins; `import vlm` repairs it first.
"""

import vlm  # noqa: F401  must precede lmms_eval


def main() -> None:
    """Run lmms-eval's command line unchanged."""
    from lmms_eval.cli.dispatch import main as dispatch

    dispatch()


if __name__ == "__main__":
    main()
