"""The comparison of training steps on a CPU."""

from bench import training_step

SIZES = ["--layers", "1", "--sequences", "2", "--tokens", "8"]


def test_each_variant_has_a_row_and_the_first_is_the_measure(monkeypatch, capsys) -> None:
    seconds = iter([3.0, 4.0, 1.5, 1.0])
    monkeypatch.setattr(
        training_step, "run", lambda *_: {"seconds": next(seconds), "gigabytes": 4.0}
    )
    monkeypatch.setattr(training_step.ctypes.util, "find_library", lambda _: "libtcmalloc.so")
    training_step.main(SIZES)
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    names = [training_step.FUSED, training_step.PRODUCTS]
    assert [row[0] for row in rows] == [*names, *(f"{name}, tcmalloc" for name in names)]
    assert [row[-1] for row in rows] == ["1.00", "0.75", "2.00", "3.00"]


def test_a_process_measures_one_variant() -> None:
    figures = training_step.run([*SIZES, "--only", training_step.PRODUCTS], {})
    assert figures["seconds"] > 0 and figures["gigabytes"] > 0.1
