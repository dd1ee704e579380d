"""Words of English captions: their singular and their plural."""

import re
from functools import lru_cache

WORD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*|[^\sa-z0-9]")
IRREGULAR = {"men": "man", "women": "woman", "children": "child", "people": "person"}
IRREGULAR |= {"mice": "mouse", "geese": "goose", "feet": "foot", "teeth": "tooth"}
IRREGULAR |= {"leaves": "leaf", "knives": "knife", "wolves": "wolf", "calves": "calf"}
IRREGULAR |= {"skis": "ski", "potatoes": "potato", "tomatoes": "tomato"}
IRREGULAR |= {"oxen": "ox", "wives": "wife", "scarves": "scarf", "shelves": "shelf"}
IRREGULAR |= {"policemen": "policeman", "firemen": "fireman", "businessmen": "businessman"}
IRREGULAR |= {"horse": "horse", "goggles": "goggles", "glasses": "glasses", "lens": "lens"}
IRREGULAR |= {"sunglasses": "sunglasses", "shades": "shades", "bus": "bus", "buses": "bus"}
IRREGULAR |= {"tennis": "tennis", "clothes": "clothes", "movies": "movie", "cookies": "cookie"}
IRREGULAR |= {"pants": "pants", "jeans": "jeans", "shorts": "shorts", "trunks": "trunks"}
IRREGULAR |= {"overalls": "overalls", "woods": "woods", "steps": "steps", "stairs": "stairs"}
IRREGULAR |= {"bleachers": "bleachers", "rapids": "rapids", "bars": "bars", "canvas": "canvas"}
IRREGULAR |= {"leggings": "leggings", "lenses": "lens", "trousers": "trousers"}
IRREGULAR |= {"eyeglasses": "eyeglasses", "slacks": "slacks", "christmas": "christmas"}
SAME_IN_PLURAL = frozenset({"sheep", "deer", "fish", "cattle", "elk", "moose", "bison", "salmon"})


def words(text: str) -> list[str]:
    """Return the words of a text in lower case; marks of punctuation are words too."""
    return WORD.findall(text.lower().replace("'s ", " "))


@lru_cache(maxsize=50_000)
def singular(word: str) -> str:
    """Return the singular of an English noun in lower case; other words stay or lose an s."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith("men") and len(word) > 5:
        return word[:-2] + "an"
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(?:ch|sh|x|ss|z)es$", word):
        return word[:-2]
    return word[:-1] if re.search(r"[^sui'\W]s$", word) and len(word) > 3 else word


def singular_of(noun: str) -> str:
    """Return the singular of a noun of one or more words."""
    first, _, last = noun.rpartition(" ")
    return f"{first} {singular(last)}".strip()


def plural(word: str) -> str:
    """Return the plural of an English noun in the singular."""
    irregular = {one: many for many, one in IRREGULAR.items() if many != one and many != "lenses"}
    first, _, last = word.rpartition(" ")
    if last in irregular or last in SAME_IN_PLURAL or (last.endswith("s") and last in IRREGULAR):
        last = irregular.get(last, last)
    elif re.search(r"[^aeiou]y$", last):
        last = last[:-1] + "ies"
    else:
        last += "es" if re.search(r"(?:ch|sh|x|s|z)$", last) else "s"
    return f"{first} {last}".strip()
