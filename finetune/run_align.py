"""The alignment stage: `python finetune/run_align.py` is `loupe train align`."""

from vlm.commands.train.align import main

if __name__ == "__main__":
    main()
