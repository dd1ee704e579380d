"""The trainings of `loupe train` by name; each has HELP and `main(argv)`, with flags of its own."""

from vlm.commands.train import adapter, align, moda, names

TRAININGS = {"moda": moda, "align": align, "adapter": adapter, "names": names}
