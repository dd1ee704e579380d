"""Split captions into words as COCO's evaluation does, without Java.

COCO's code (Chen et al., 2015, arXiv 1504.00325) runs Stanford's PTBTokenizer 3.4.1 on lower-cased
text and drops punctuation; scores of other tokenisers are not comparable. These are its rules for
English captions, oddities included: brackets stay as "-lrb-", and "?!" stays. Emoticons and
markup are not covered.
"""

import re

DROPPED = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"])
SAME = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": " -- ", "—": " -- ", "…": " ... "}
    | {"½": "1/2", "¼": "1/4", "¾": "3/4", "€": "$", "£": "#", "¢": " cents "}
)
BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
JOINED = {
    "cannot": "can not",
    "gonna": "gon na",
    "gotta": "got ta",
    "wanna": "wan na",
    "gimme": "gim me",
    "lemme": "lem me",
}
# Abbreviations that keep their full stop: everywhere, only with a capital, only before a number.
ABBREVIATIONS = (
    "adj adm adv al ala apr ariz assn assoc asst atty aug ave az bancorp bhd bldg blvd brig bros "
    "calif capt cf cmdr co col colo comdr conn corp cos cpl ct dak dec dept det dr drs ens esq est "
    "etc ext feb fla fri ft ga gen gov govs hon inc ind insp intl jan jr jul jun kan kans ky lieut "
    "lt ltd maj mar md messrs mfg mich minn mlle mme mo mon mont mr mrs ms msgr mt natl neb nev "
    "nov oct okla penn pfc ph plc pres prof profs pty ptys pvt rd rep reps rev rt sen sens sep "
    "sept sfc sgt spc sq sr st ste supt sys tel tenn thu thurs tue tues univ va vs vt wed wis wisc "
    "wyo"
)
CAPITALISED = "Ark Del Ill La Mass Miss Ore Pa Tex Wash"
NUMBERED = "art ca fig figs no nos op pp prop"

CONTRACTION = re.compile(r"(?<=\w)(?=(?:n't|'(?:s|m|d|re|ve|ll))(?!\w))", re.IGNORECASE)
TOKEN = re.compile(
    "|".join(
        (
            r"https?://\S+|[\w.+-]+@\w+(?:\.\w+)+",
            r"(?:[^\W\d_]\.){2,}(?!\w)|(?i:ph\.d\.)",  # U.S., e.g.
            rf"\b(?i:{'|'.join(ABBREVIATIONS.split())})\.(?!\w)",
            rf"\b(?:{'|'.join(CAPITALISED.split())})\.(?!\w)",
            rf"\b(?i:{'|'.join(NUMBERED.split())})\.(?= ?\d)",
            r"\b[^\W\d_]\.(?![^\W\d_])",  # an initial
            r"(?i:n't|'(?:s|m|d|re|ve|ll|em|cause|n'))(?!\w)|'\d\ds?(?![\w'])",
            r"[+-]?\d+(?:[.,:]\d+)+|(?<!\w)[+-]\d+|\+\d+",
            r"[A-Z]+&[A-Z]+",
            r"\w+(?:[-/]\w+|\.[^\W\d_]\w*|'[^\W\d_]\w*)*",
            r"\.\.\.|--|''|``|[?!]+|\S",
        )
    )
)


def tokenise(caption: str) -> list[str]:
    """Return the words of a caption in lower case, without punctuation."""
    text = CONTRACTION.sub(" ", caption.translate(SAME))
    tokens = (BRACKETS.get(token, token.lower()) for token in TOKEN.findall(text))
    words = [JOINED.get(token, token) for token in tokens if token not in DROPPED | {'"'}]
    return " ".join(words).split()
