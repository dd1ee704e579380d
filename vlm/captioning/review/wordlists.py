"""Word lists of the checks: persons, bodies and poses; styles named after places or people."""

_SINGULAR = """
man woman female male boy girl child kid baby toddler infant newborn teenager teen adolescent youth
youngster adult senior person somebody someone individual human figure mannequin lady gentleman
guy dude bloke fellow chap model wearer owner passer-by pedestrian shopper customer buyer
visitor stranger crowd couple bride groom bridesmaid husband wife mother father mom mum dad
sister brother son daughter grandmother grandfather grandma grandpa aunt uncle twin sibling
parent friend actor actress celebrity singer dancer ballerina performer musician guitarist
artist painter photographer player footballer cricketer golfer runner sprinter athlete
gymnast swimmer surfer skater skier cyclist biker rider hiker climber camper traveller traveler
tourist commuter worker waiter waitress chef cook bartender barista nurse doctor surgeon dentist
teacher student pupil schoolboy schoolgirl professor businessman businesswoman executive manager
banker lawyer soldier officer policeman policewoman fireman firefighter pilot sailor farmer
gardener carpenter mechanic builder engineer scientist brunette blonde redhead beauty influencer
blogger fan hipster cowboy cowgirl princess prince queen king monk priest
"""
PLURAL = {"man": "men", "woman": "women", "child": "children", "baby": "babies", "lady": "ladies"}
PLURAL |= {"gentleman": "gentlemen", "person": "people", "wife": "wives", "youth": "youths"}
PLURAL |= {f"{word}man": f"{word}men" for word in ("business", "police", "fire")}

# These also modify a noun without referring to a person: a cowboy boot, a pilot watch, a baby doll
# dress. They count as persons before a verb or "in", "with", "on", and not before another noun.
MODIFIERS = frozenset(
    "figure model king queen prince princess cowboy monk pilot rider biker sailor officer "
    "baby beauty fan youth adult couple twin runner teen student boy girl kid friend nurse "
    "artist player skater commuter traveller traveler surfer hiker cook painter human "
    "mechanic mom dad ballerina female male".split()
)


def persons() -> frozenset[str]:
    """Nouns for people, singular and plural."""
    words = _SINGULAR.split()
    return frozenset(words) | {PLURAL.get(word, f"{word}s") for word in words}


BODY = frozenset(
    "finger fingers fingertip fingertips forearm forearms torso navel tummy belly lips "
    "eyebrow eyebrows eyelashes beard bearded moustache mustache stubble tattoo "
    "tattoos tattooed tanned freckles hairstyle ponytail haircut collarbone cheek cheeks chin "
    "forehead bicep biceps barefoot blond blonde haired manicure manicured smile smiles "
    "smiling grin grinning gaze gazing".split()
)
POSES = frozenset(
    "pose poses posed posing sits sitting seated kneels kneeling leans leaning walks walking "
    "strolls strolling strides striding posture jumping dancing dances laughing frowning "
    "wearing strikes poised strutting".split()
)

# Styles of clothes, shoes and cloth that are named after a place, a people or a person.
STYLES = frozenset(
    """
    oxford hawaiian french nehru chelsea breton peter pan mary jane janes harrington boston
    cuban chinese mandarin bermuda aztec argyle norfolk panama bavarian indian japanese kashmiri
    kolhapuri jodhpuri jodhpur patiala anarkali wellington derby henley raglan chesterfield eton
    windsor prince wales madras jacquard roman greek persian moroccan scottish italian english
    turkish american western african asian eastern irish aran fair isle harris tweed british
    spanish mexican russian nordic scandinavian victorian edwardian bohemian boho gothic celtic
    balinese thai korean egyptian cambridge manhattan hamptons ivy hudson bay balmoral cossack
    cardigan ascot homburg fedora trilby stetson sherpa bedford oxfords brogue cheongsam kimono
    lucknowi chikankari banarasi punjabi rajasthani bengal christmas easter halloween diwali eid
    january february march april may june july august september october november december monday
    tuesday wednesday thursday friday saturday sunday velcro lycra denim sam browne bardot capri
    milanese cuff barbour pima egyptian merino shetland cheviot duchess glen prince-of-wales
    tattersall gingham dutch swiss swedish german austrian portuguese peruvian tibetan nepali
    arabic ottoman parisian venetian tuscan neapolitan
    """.split()
)
