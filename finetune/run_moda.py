"""The MODA recipe: `python finetune/run_moda.py` is `loupe train moda`."""

from vlm.commands.train.moda import main

if __name__ == "__main__":
    main()
