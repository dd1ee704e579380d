"""The phrase scanner: longest phrases, left to right, without overlap or denied ones."""

from vlm.evaluation.metrics.phrase_scan import Match, phrase_table, scan

TABLE = phrase_table({"navy": 1, "navy blue": 2, "blue shirt": 3, "shirt": 4, "shirt and tie": 5})


def phrases(text: str, *is_denied) -> list[str]:
    return [match.phrase for match in scan(text.split(), TABLE, *is_denied)]


def test_the_longest_phrase_wins_and_its_words_are_not_read_again() -> None:
    assert phrases("a navy blue shirt and hat") == ["navy blue", "shirt"]
    assert phrases("a blue shirt and tie in navy") == ["blue shirt", "navy"]
    assert phrases("shirt and") == ["shirt"] and phrases("") == []


def test_matches_have_their_place_and_meaning() -> None:
    (match,) = scan("one navy blue cap".split(), TABLE)
    assert match == Match(1, 3, "navy blue", 2)


def test_denied_phrases_are_skipped_whole() -> None:
    def after_not(tokens, start) -> bool:
        return start > 0 and tokens[start - 1] == "not"

    assert phrases("not navy blue but shirt", after_not) == ["shirt"]
