"""The trainings of `loupe train` by name; each has HELP and `main(argv)`, with flags of its own."""

from vlm.commands.train import adapter, align, heads, moda, names

TRAININGS = {"moda": moda, "align": align, "adapter": adapter, "names": names, "heads": heads}
