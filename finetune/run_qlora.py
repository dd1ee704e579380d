"""Adapters: LoRA and QLoRA: `python finetune/run_qlora.py` is `loupe train adapter`."""

from vlm.commands.train.adapter import main

if __name__ == "__main__":
    main()
