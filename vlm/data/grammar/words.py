"""The closed vocabulary of the product grammar: every word of its answers is in a table here.

`phrases` explains the templates: slots in braces, optional parts in square brackets.
"""

from typing import NamedTuple

UNKNOWN = "unknown"  # kind of a picture of neither a product nor a scene, in facts and answers


class Detail(NamedTuple):
    """One visual detail that a product's name may contain, and how a sentence expresses it.

    Attributes:
        key: the fact that it sets.
        value: the fact's value, as in the JSON answer.
        pattern: regular expression for the lower-case name.
        adjective: put before the noun; empty if there is no good adjective.
        noun: put after "It has"; empty if only the adjective sounds natural.
        kinds: the article types that can have it.
    """

    key: str
    value: str
    pattern: str
    adjective: str
    noun: str
    kinds: frozenset[str]


class Gender(NamedTuple):
    """A gender before the noun and after "for", and the forms recognised in answers."""

    whose: str
    people: str
    forms: tuple[str, ...]


class Usage(NamedTuple):
    """A usage before the noun and after "for", and the forms recognised in answers."""

    adjective: str
    occasions: tuple[str, ...]
    forms: tuple[str, ...]


# One unambiguous phrase per article type. "pair of X": X is plural, adjectives go before X.
SINGULAR: dict[str, str] = {
    "Accessory Gift Set": "accessory gift set",
    "Baby Dolls": "babydoll nightdress",
    "Backpacks": "backpack",
    "Bangle": "bangle",
    "Basketballs": "basketball",
    "Bath Robe": "bathrobe",
    "Beauty Accessory": "beauty accessory",
    "Belts": "belt",
    "Blazers": "blazer",
    "Body Lotion": "body lotion",
    "Body Wash and Scrub": "body wash",
    "Booties": "pair of booties",
    "Boxers": "pair of boxers",
    "Bra": "bra",
    "Bracelet": "bracelet",
    "Briefs": "pair of briefs",
    "Camisoles": "camisole",
    "Capris": "pair of capris",
    "Caps": "cap",
    "Casual Shoes": "pair of casual shoes",
    "Churidar": "churidar",
    "Clothing Set": "clothing set",
    "Clutches": "clutch",
    "Compact": "compact powder",
    "Concealer": "concealer",
    "Cufflinks": "pair of cufflinks",
    "Cushion Covers": "cushion cover",
    "Deodorant": "deodorant",
    "Dresses": "dress",
    "Duffel Bag": "duffel bag",
    "Dupatta": "dupatta",
    "Earrings": "pair of earrings",
    "Eye Cream": "eye cream",
    "Eyeshadow": "eyeshadow",
    "Face Moisturisers": "face moisturiser",
    "Face Scrub and Exfoliator": "face scrub",
    "Face Serum and Gel": "face serum",
    "Face Wash and Cleanser": "face wash",
    "Flats": "pair of flats",
    "Flip Flops": "pair of flip-flops",
    "Footballs": "football",
    "Formal Shoes": "pair of formal shoes",
    "Foundation and Primer": "foundation",
    "Fragrance Gift Set": "fragrance gift set",
    "Free Gifts": "free gift",
    "Gloves": "pair of gloves",
    "Hair Accessory": "hair accessory",
    "Hair Colour": "hair dye",
    "Handbags": "handbag",
    "Hat": "hat",
    "Headband": "headband",
    "Heels": "pair of heels",
    "Highlighter and Blush": "blusher",
    "Innerwear Vests": "innerwear vest",
    "Ipad": "tablet computer",
    "Jackets": "jacket",
    "Jeans": "pair of jeans",
    "Jeggings": "pair of jeggings",
    "Jewellery Set": "jewellery set",
    "Jumpsuit": "jumpsuit",
    "Kajal and Eyeliner": "eyeliner",
    "Key chain": "key chain",
    "Kurta Sets": "kurta set",
    "Kurtas": "kurta",
    "Kurtis": "kurti",
    "Laptop Bag": "laptop bag",
    "Leggings": "pair of leggings",
    "Lehenga Choli": "lehenga choli",
    "Lip Care": "lip balm",
    "Lip Gloss": "lip gloss",
    "Lip Liner": "lip liner",
    "Lip Plumper": "lip plumper",
    "Lipstick": "lipstick",
    "Lounge Pants": "pair of lounge pants",
    "Lounge Shorts": "pair of lounge shorts",
    "Lounge Tshirts": "lounge T-shirt",
    "Makeup Remover": "make-up remover",
    "Mascara": "mascara",
    "Mask and Peel": "face mask",
    "Mens Grooming Kit": "grooming kit",
    "Messenger Bag": "messenger bag",
    "Mobile Pouch": "mobile pouch",
    "Mufflers": "muffler",
    "Nail Essentials": "nail care kit",
    "Nail Polish": "nail polish",
    "Necklace and Chains": "necklace",
    "Nehru Jackets": "Nehru jacket",
    "Night suits": "night suit",
    "Nightdress": "nightdress",
    "Patiala": "patiala",
    "Pendant": "pendant",
    "Perfume and Body Mist": "perfume",
    "Rain Jacket": "rain jacket",
    "Rain Trousers": "pair of rain trousers",
    "Ring": "ring",
    "Robe": "robe",
    "Rompers": "romper",
    "Rucksacks": "rucksack",
    "Salwar": "salwar",
    "Salwar and Dupatta": "salwar and dupatta set",
    "Sandals": "pair of sandals",
    "Sarees": "saree",
    "Scarves": "scarf",
    "Shapewear": "shapewear garment",
    "Shirts": "shirt",
    "Shoe Accessories": "shoe accessory",
    "Shoe Laces": "pair of shoelaces",
    "Shorts": "pair of shorts",
    "Shrug": "shrug",
    "Skirts": "skirt",
    "Socks": "pair of socks",
    "Sports Sandals": "pair of sports sandals",
    "Sports Shoes": "pair of sports shoes",
    "Stockings": "pair of stockings",
    "Stoles": "stole",
    "Suits": "suit",
    "Sunglasses": "pair of sunglasses",
    "Sunscreen": "sunscreen",
    "Suspenders": "pair of suspenders",
    "Sweaters": "sweater",
    "Sweatshirts": "sweatshirt",
    "Swimwear": "swimsuit",
    "Tablet Sleeve": "tablet sleeve",
    "Ties": "tie",
    "Ties and Cufflinks": "tie and cufflinks set",
    "Tights": "pair of tights",
    "Toner": "toner",
    "Tops": "top",
    "Track Pants": "pair of track pants",
    "Tracksuits": "tracksuit",
    "Travel Accessory": "travel accessory",
    "Trolley Bag": "trolley bag",
    "Trousers": "pair of trousers",
    "Trunk": "pair of trunks",
    "Tshirts": "T-shirt",
    "Tunics": "tunic",
    "Umbrellas": "umbrella",
    "Waist Pouch": "waist pouch",
    "Waistcoat": "waistcoat",
    "Wallets": "wallet",
    "Watches": "watch",
    "Water Bottle": "water bottle",
    "Wristbands": "wristband",
}

COLOURS: tuple[str, ...] = (
    "Beige", "Black", "Blue", "Bronze", "Brown", "Burgundy", "Charcoal", "Coffee Brown", "Copper",
    "Cream", "Fluorescent Green", "Gold", "Green", "Grey", "Grey Melange", "Khaki", "Lavender",
    "Lime Green", "Magenta", "Maroon", "Mauve", "Metallic", "Multi", "Mushroom Brown", "Mustard",
    "Navy Blue", "Nude", "Off White", "Olive", "Orange", "Peach", "Pink", "Purple", "Red", "Rose",
    "Rust", "Sea Green", "Silver", "Skin", "Steel", "Tan", "Taupe", "Teal", "Turquoise Blue",
    "White", "Yellow",
)  # fmt: skip

# Labels that are not adjectives, and the adjectives made from them, which contain the label.
COLOUR_ADJECTIVES: dict[str, str] = {
    "Multi": "multi-coloured",
    "Nude": "nude-coloured",
    "Skin": "skin-coloured",
}
METALS = frozenset({"bronze", "copper", "gold", "silver", "steel"})  # "solid gold" is misleading

GENDERS: dict[str, Gender] = {
    "Men": Gender("men's", "men", ("men", "men's", "mens", "man", "man's", "male", "gentlemen")),
    "Women": Gender(
        "women's", "women", ("women", "women's", "womens", "woman", "woman's", "female", "ladies")
    ),
    "Boys": Gender("boys'", "boys", ("boys", "boy", "boy's")),
    "Girls": Gender("girls'", "girls", ("girls", "girl", "girl's")),
    "Unisex": Gender(
        "unisex",
        "men and women",
        ("unisex", "men and women", "women and men", "men & women", "men or women",
         "men's and women's"),
    ),
}  # fmt: skip

USAGES: dict[str, Usage] = {
    "Casual": Usage(
        "casual", ("casual wear", "everyday casual wear", "casual occasions"), ("casual",)
    ),
    "Ethnic": Usage("ethnic", ("ethnic wear", "ethnic occasions"), ("ethnic",)),
    "Formal": Usage("formal", ("formal wear", "formal occasions"), ("formal",)),
    "Home": Usage("", ("home use", "use at home"), ("home",)),
    "Party": Usage("party", ("party wear", "parties"), ("party", "parties")),
    "Smart Casual": Usage(
        "smart casual", ("smart casual wear", "smart casual occasions"), ("smart casual",)
    ),
    "Sports": Usage("sports", ("sports", "sports and exercise"), ("sports", "sport", "sporty")),
    "Travel": Usage("travel", ("travel", "travelling"), ("travel", "travelling")),
}

WORN = frozenset({"Topwear", "Bottomwear", "Dress"})  # subCategories with "a casual shirt"

SEASONS: dict[str, tuple[str, ...]] = {
    "Spring": ("spring",),
    "Summer": ("summer",),
    "Fall": ("fall", "autumn"),
    "Winter": ("winter",),
}

# Other forms recognised in answers, besides the phrases and the labels.
KIND_ALIASES: dict[str, tuple[str, ...]] = {
    "Casual Shoes": ("casual shoe",),
    "Duffel Bag": ("duffle bag",),
    "Flip Flops": ("flip flop",),
    "Formal Shoes": ("formal shoe",),
    "Sandals": ("sandal",),
    "Sarees": ("sari",),
    "Sports Shoes": ("sports shoe",),
    "Tshirts": ("tee shirt",),
}
COLOUR_ALIASES: dict[str, tuple[str, ...]] = {
    "Gold": ("golden",),
    "Grey": ("gray",),
    "Grey Melange": ("gray melange",),
    "Multi": ("multi-colour", "multi-color"),
    "Navy Blue": ("navy",),
    "Turquoise Blue": ("turquoise",),
}
NOT_READ = frozenset({"Compact"})  # everyday words: only their phrase is recognised

# key -> label -> the forms recognised in answers, in lower case, without ENDINGS.
FORMS: dict[str, dict[str, tuple[str, ...]]] = {
    "articleType": {
        label: (
            phrase.removeprefix("pair of ").lower(),
            *(() if label in NOT_READ else (label.lower(),)),
            *KIND_ALIASES.get(label, ()),
        )
        for label, phrase in SINGULAR.items()
    },
    "baseColour": {label: (label.lower(), *COLOUR_ALIASES.get(label, ())) for label in COLOURS},
    "gender": {label: gender.forms for label, gender in GENDERS.items()},
    "usage": {label: usage.forms for label, usage in USAGES.items()},
    "season": SEASONS,
}
ENDINGS: dict[str, tuple[str, ...]] = {
    "articleType": ("s", "es"),
    "baseColour": ("-coloured", "-colored"),
}

TOPS = frozenset({"Shirts", "Tshirts", "Tops", "Tunics", "Sweaters", "Sweatshirts", "Jackets",
                  "Lounge Tshirts", "Kurtas", "Kurtis", "Dresses"})  # fmt: skip
LEGS = frozenset({"Jeans", "Trousers", "Track Pants", "Capris", "Shorts", "Skirts", "Leggings",
                  "Jeggings", "Lounge Pants", "Lounge Shorts"})  # fmt: skip
ETHNIC = frozenset({"Kurtas", "Kurtis", "Kurta Sets", "Sarees", "Dupatta", "Churidar", "Tunics",
                    "Salwar", "Patiala", "Lehenga Choli", "Stoles"})  # fmt: skip
SOFT = frozenset({"Ties", "Scarves", "Mufflers", "Stoles", "Socks", "Stockings", "Tights", "Caps",
                  "Hat", "Gloves", "Headband", "Waistcoat", "Tracksuits", "Shrug", "Swimwear",
                  "Blazers", "Suits", "Jumpsuit", "Nightdress", "Night suits", "Camisoles",
                  "Innerwear Vests", "Briefs", "Boxers", "Trunk", "Bra"})  # fmt: skip
BAGS = frozenset({"Handbags", "Clutches", "Backpacks", "Laptop Bag", "Duffel Bag", "Rucksacks",
                  "Messenger Bag", "Mobile Pouch", "Travel Accessory", "Trolley Bag"})  # fmt: skip
SHOES = frozenset({"Casual Shoes", "Formal Shoes", "Sports Shoes", "Heels", "Flats", "Sandals",
                   "Sports Sandals", "Flip Flops", "Booties"})  # fmt: skip
DENIM = frozenset({"Shirts", "Skirts", "Jackets", "Shorts", "Dresses", "Kurtis", "Casual Shoes"})
KNITS = frozenset({"Sweaters", "Caps", "Tops", "Mufflers", "Scarves", "Shrug"})
LEATHER = BAGS | SHOES | {"Wallets", "Belts", "Jackets"}
PRINTED = frozenset({"Tshirts", "Tops", "Sweatshirts"})
CLOTH = TOPS | LEGS | ETHNIC | SOFT
PLAIN = CLOTH | BAGS | {"Wallets", "Belts"}
CAPS = frozenset({"Caps", "Hat"})
GLASSES = frozenset({"Sunglasses"})
HANDBAGS = frozenset({"Handbags"})
HEELS = frozenset({"Heels"})
POLOS = frozenset({"Tshirts", "Tops", "Sweaters"})
TSHIRTS = frozenset({"Tshirts"})
WATCHES = frozenset({"Watches"})

# Brands and phrases with a word of DETAILS in another sense; removed before a name is parsed.
NOT_DETAILS = r"classic polo|polo assn|polo club|(?:light|dark) denim"

# The first match of a key wins, so specific rows precede general ones. The kinds are those whose
# pictures confirm the word ("SS" means short sleeves on a T-shirt, but is the model of a shoe).
DETAILS: tuple[Detail, ...] = (
    Detail("pattern", "polka dot", "polka", "polka-dot", "a polka-dot print", PLAIN | SHOES),
    Detail("pattern", "floral", "floral|flower (?:print|design|pattern)", "floral",
           "a floral print", PLAIN),
    Detail("pattern", "animal print", "animal print|zebra|leopard|snake ?skin", "animal-print",
           "an animal print", PLAIN),
    Detail("pattern", "paisley", "paisley", "paisley", "a paisley pattern", PLAIN),
    Detail("pattern", "argyle", "argyle", "argyle", "an argyle pattern", PLAIN),
    Detail("pattern", "striped", "strip(?:es?|ed|ped)", "striped", "a striped pattern",
           PLAIN | SHOES),
    Detail("pattern", "checked", "check(?:s|ed|erd|ered)?|plaid|tartan", "checked",
           "a checked pattern", PLAIN),
    Detail("pattern", "colour-blocked", "colou?r ?-?block(?:ed)?", "colour-blocked",
           "a colour-blocked pattern", PLAIN),
    Detail("pattern", "block print", "block print(?:ed)?", "block-printed", "a block print", PLAIN),
    Detail("pattern", "graphic print", "graphic", "graphic-print", "a graphic print", PRINTED),
    Detail("pattern", "embroidered", r"embroid\w*", "embroidered", "embroidery", PLAIN),
    Detail("pattern", "sequinned", "sequin(?:s|ned|ed)?", "sequinned", "sequins", HANDBAGS | HEELS),
    Detail("pattern", "beaded", "bead(?:s|ed)", "beaded", "beadwork", PLAIN),
    Detail("pattern", "printed", "print(?:ed)?", "printed", "a printed design", PLAIN | SHOES),
    Detail("pattern", "patterned", "pattern(?:ed)?", "patterned", "a woven pattern", CAPS),
    Detail("pattern", "logo", "logo", "logo", "a logo", PRINTED | CAPS),
    Detail("pattern", "solid", "solid|plain", "solid", "", PLAIN),
    Detail("neckline", "round neck", r"round \w*\s*neck|rn", "round-neck", "a round neck", TSHIRTS),
    Detail("neckline", "V-neck", "v[ -]neck", "V-neck", "a V-neck", TOPS),
    Detail("neckline", "scoop neck", "scoop", "scoop-neck", "a scoop neck", TOPS),
    Detail("neckline", "cowl neck", "cowl", "cowl-neck", "a cowl neck", TOPS),
    Detail("neckline", "turtleneck", "turtle ?neck", "turtleneck", "a high turtleneck", TOPS),
    Detail("neckline", "mandarin collar", "mandarin", "", "a mandarin collar", TOPS),
    Detail("neckline", "shawl collar", "shawl collar", "", "a shawl collar", TOPS),
    Detail("neckline", "hood", r"hood(?:ed|y|ie)?|\w*fzhood", "hooded", "a hood", TOPS),
    Detail("neckline", "crew neck", "crew", "crew-neck", "a crew neck", PRINTED),
    Detail("neckline", "polo collar", "polo", "polo", "a polo collar", POLOS),
    Detail("sleeve", "sleeveless", "sleeveless|sl", "sleeveless", "no sleeves", TOPS),
    Detail("sleeve", "short sleeves", "(?:short|half) sleeves?|hs|ss", "short-sleeved",
           "short sleeves", TOPS),
    Detail("sleeve", "long sleeves", "(?:long|full) sleeves?|fs|ls", "long-sleeved",
           "long sleeves", TOPS),
    Detail("fit", "slim", "slim", "slim-fit", "a slim fit", TOPS | LEGS),
    Detail("fit", "skinny", "skinny", "skinny-fit", "a skinny fit", LEGS),
    Detail("fit", "regular", "regular", "regular-fit", "a regular fit", TOPS | LEGS),
    Detail("fit", "low rise", "low ?rise", "low-rise", "a low rise", LEGS),
    Detail("fit", "mid rise", "mid ?rise", "mid-rise", "a mid rise", LEGS),
    Detail("fit", "high rise", "high ?rise", "high-rise", "a high rise", LEGS),
    Detail("fit", "bootcut", "boot ?cut", "bootcut", "a bootcut leg", LEGS),
    Detail("fit", "straight", "straight", "straight-leg", "a straight leg", LEGS),
    Detail("material", "faux leather", "leatherett?e|leatherite", "faux leather", "", LEATHER),
    Detail("material", "suede", "suede", "suede", "", LEATHER),
    Detail("material", "leather", "leather", "leather", "", LEATHER),
    Detail("material", "canvas", "canvas", "canvas", "", LEATHER),
    Detail("material", "denim", "denim", "denim", "", DENIM),
    Detail("material", "cotton silk", "cotton silk", "cotton silk", "", ETHNIC),
    Detail("material", "cotton", "cotton", "cotton", "", CLOTH),
    Detail("material", "silk", "silk", "silk", "", ETHNIC | SOFT),
    Detail("material", "georgette", "georgette", "georgette", "", ETHNIC),
    Detail("material", "voile", "voile", "voile", "", ETHNIC),
    Detail("material", "polyester", "polyester", "polyester", "", BAGS | CLOTH | {"Belts"}),
    Detail("material", "fleece", "fleec?e?", "fleece", "", frozenset({"Sweatshirts", "Jackets"})),
    Detail("material", "wool", "wool(?:len)?|woolie", "woollen", "", CLOTH),
    Detail("material", "velvet", "velvet", "velvet", "", SHOES | CLOTH),
    Detail("style", "knitted", "knit(?:ted)?", "knitted", "", KNITS),
    Detail("style", "ribbed", "rib(?:bed)?", "ribbed", "a ribbed texture", KNITS),
    Detail("style", "analogue-digital", "analogu?e?[- ]digital", "analogue-digital",
           "an analogue-digital display", WATCHES),
    Detail("style", "chronograph", "chrono(?:graph)?", "chronograph", "a chronograph dial",
           WATCHES),
    Detail("style", "digital", "digital", "digital", "a digital display", WATCHES),
    Detail("style", "analogue", "analogu?e?", "analogue", "an analogue dial", WATCHES),
    Detail("style", "aviator", "aviator", "aviator", "an aviator frame", GLASSES),
    Detail("style", "wayfarer", "wayfarer", "wayfarer", "a wayfarer frame", GLASSES),
    Detail("style", "oversized", "oversized", "oversized", "an oversized frame", GLASSES),
    Detail("style", "oval", "oval", "oval", "an oval frame", GLASSES),
    Detail("style", "rectangular", "rectangular", "rectangular", "a rectangular frame", GLASSES),
    Detail("style", "gradient", "gradi[ae]nt", "gradient-lens", "gradient lenses", GLASSES),
    Detail("style", "sling", "sling", "sling-style", "a sling strap", HANDBAGS),
    Detail("style", "tote", "tote", "tote-style", "a tote shape", HANDBAGS),
    Detail("style", "shoulder", "shoulder ?bag", "shoulder-style", "a shoulder strap", HANDBAGS),
    Detail("style", "washed", "washed", "washed", "a washed finish", LEGS),
    Detail("style", "cargo", "cargos?", "cargo", "cargo pockets", LEGS),
    Detail("style", "chino", "chinos?(?:dk)?", "chino", "a chino cut", frozenset({"Trousers"})),
    Detail("style", "Bermuda", "bermuda", "Bermuda", "a Bermuda length", frozenset({"Shorts"})),
    Detail("style", "beanie", "beanies?", "beanie-style", "a beanie shape", CAPS),
    Detail("style", "bandana", "bandana", "bandana-style", "a bandana shape", CAPS),
    Detail("style", "wedge", "wedges?", "wedge", "wedge soles", HEELS),
    Detail("style", "peep-toe", "peep toes?", "peep-toe", "open toes", HEELS),
    Detail("style", "pump", "pumps", "pump-style", "a pump shape", HEELS),
    Detail("style", "ballerina", "ballerinas?", "ballerina-style", "a ballerina shape", SHOES),
    Detail("style", "slip-on", "slip[ -]on", "slip-on", "a slip-on design", SHOES),
    Detail("style", "loafer", "loafers?", "loafer-style", "a loafer shape", SHOES),
    Detail("style", "moccasin", "moccasins?", "moccasin-style", "a moccasin shape", SHOES),
    Detail("style", "wingtip", "wingtip", "wingtip", "wingtip toes", SHOES),
    Detail("style", "plain toe", "plain ?toe", "plain-toe", "plain toes", SHOES),
    Detail("style", "clog", "clog", "clog-style", "a clog shape", SHOES),
)  # fmt: skip

EVERYDAY = frozenset({"regular", "straight", "shoulder", "gradient"})  # only in longer forms

PROMPTS: dict[str, tuple[str, ...]] = {
    "brief": (
        "Describe this picture briefly.",
        "Describe the product in one sentence.",
        "Caption this image.",
        "Write a short caption for this picture.",
        "Give a one-sentence description.",
        "Sum up what you see in one sentence",
        "What does the picture show, in one sentence?",
        "Short description, please.",
        "caption",
        "Briefly, what is shown here?",
    ),
    "detailed": (
        "Describe this picture.",
        "Describe this image in detail.",
        "Describe the product.",
        "describe this",
        "What do you see?",
        "What do you see in this picture?",
        "Tell me about this item.",
        "Write a product description.",
        "Give a detailed description of the item",
        "Can you describe what is in the image?",
        "Tell me everything you can see.",
        "Explain what this product looks like.",
        "Describe every detail.",
    ),
    "json": (
        "Describe the product as JSON.",
        "Return the product's attributes as a JSON object.",
        "Give the facts as JSON.",
        "JSON, please.",
        "List type, colour, gender, usage and season as JSON.",
        "Extract the attributes of this item in JSON format",
        "Fill in the product record as JSON.",
        "What are the attributes of this product? Answer in JSON.",
    ),
    "kind": (
        "What is this?",
        "what is this",
        "What kind of item is this?",
        "What type of product is shown?",
        "Which product is in the picture?",
        "Name the item.",
        "What is the article type?",
        "Identify the product.",
        "What am I looking at?",
        "What sort of product is it?",
    ),
    "colour": (
        "What colour is it?",
        "What color is it?",
        "what color is this",
        "Which colour is the item?",
        "What is the main color of the product?",
        "What is the base colour?",
        "Name the colour.",
        "Tell me the color",
        "What colour is this product?",
        "Which color do you see?",
    ),
    "gender": (
        "Who is it for?",
        "who is this for",
        "Is it for men or women?",
        "Who would wear this?",
        "Which gender is this item made for?",
        "For whom is this product?",
        "Who is the intended wearer?",
        "What is the target gender?",
        "Name the gender it is meant for.",
    ),
    "usage": (
        "What is it used for?",
        "For which occasion is it?",
        "What occasion is this for?",
        "When would you wear this",
        "Is it formal or casual?",
        "What is the intended use?",
        "Name the usage.",
        "What kind of occasion does this item suit?",
        "What style of wear is it?",
    ),
    "season": (
        "Which season is it for?",
        "What season is this for?",
        "which season",
        "In which season was this item released?",
        "Name the season.",
        "What season does this product belong to?",
        "Which season's collection is it from?",
        "Tell me the season of this item",
    ),
}

# The detailed prompts that ask for every visible detail.
THOROUGH: tuple[str, ...] = (
    "Describe this image in detail.",
    "Give a detailed description of the item",
    "Tell me everything you can see.",
    "Describe every detail.",
)

# Openings name kind, colour and gender: a complete brief answer, or the start of a detailed one.
# thing = details + colour + noun; whose_thing = the same with "men's"; whose_kind = the bare noun.
OPENINGS: tuple[str, ...] = (
    "A {whose_thing}.",
    "A {thing} for {people}.",
    "This is a {whose_thing}.",
    "This is a {thing}[ for {people}].",
    "The picture shows a {whose_thing}.",
    "The picture shows a {thing}[ made for {people}].",
    "Here is a {thing}[ for {people}].",
    "It is a {whose_thing}.",
    "The image shows a {thing}[, designed for {people}].",
    "A photo of a {whose_thing}.",
    "This {whose_kind} is {colour}.",
    "Shown here is a {whose_thing}.",
    "Pictured here is a {thing}[ for {people}].",
    "You can see a {whose_thing} in this picture.",
)

# Openings of detailed answers that name the usage or the season too.
OPENINGS_WORN: tuple[str, ...] = (
    "A {whose_thing} for {occasion}.",
    "This is a {whose_thing}, meant for {occasion}.",
    "The picture shows a {whose_thing} for {occasion}.",
    "This {whose_kind} is {colour} and made for {occasion}.",
    "From the {season} collection, this is a {whose_thing}.",
    "A {thing} for {people}, from the {season} collection.",
    "A {thing} for {people}, intended for {occasion}.",
    "Made for {occasion}, this {whose_kind} is {colour}.",
    "Designed for {occasion}, this is a {thing} for {people}.",
)

HAVING: tuple[str, ...] = (
    "{It} {has} {features}[ and {is} made of {material}].",
    "Details include {features}[, and the material is {material}].",
    "[Made of {material}, ]{it} {has} {features}.",
    "{It} {is} made of {material}[ and {has} {features}].",
    "The material is {material}[, and {it} {has} {features}].",
)

WEAR: tuple[str, ...] = (
    "{It} {is} meant for {occasion}[ in the {season} season].",
    "{It} {is} suitable for {occasion}[ and {belongs} to the {season} collection].",
    "{It} {is} a good choice for {occasion}[ in {season}].",
    "{It} {works} well for {occasion}[, especially in {season}].",
    "{It} {is} best for {occasion}[ in {season}].",
    "[Part of the {season} collection, ]{it} {is} intended for {occasion}.",
)

SEASONAL: tuple[str, ...] = (
    "{It} {belongs} to the {season} collection.",
    "{It} {is} part of the {season} collection.",
    "{It} {is} from the {season} collection.",
    "{It} {comes} from the {season} collection.",
)

# Answers to one question name only that fact: "The item", never the article type.
ANSWERS: dict[str, tuple[str, ...]] = {
    "kind": (
        "A {kind}.",
        "It is a {kind}.",
        "This is a {kind}.",
        "The picture shows a {kind}.",
    ),
    "colour": (
        "{colour}.",
        "{It} {is} {colour}.",
        "The item is {colour}.",
        "The main colour is {label}.",
    ),
    "gender": (
        "{people}.",
        "{It} {is} {unisex}.",
        "{It} {is} for {people}.",
        "{It} {is} made for {people}.",
        "The item is meant for {people}.",
    ),
    "usage": (
        "{occasion}.",
        "{It} {is} for {occasion}.",
        "{It} {is} meant for {occasion}.",
        "The item is best for {occasion}.",
    ),
    "season": (
        "{season}.",
        "{It} {is} for the {season} season.",
        "{It} {belongs} to the {season} collection.",
        "The season is {season}.",
    ),
}

# Pronoun and verbs for one item (False) and for a "pair of" items (True).
NUMBER: dict[bool, dict[str, str]] = {
    False: {"It": "It", "it": "it", "is": "is", "has": "has", "comes": "comes",
            "belongs": "belongs", "works": "works"},
    True: {"It": "They", "it": "they", "is": "are", "has": "have", "comes": "come",
           "belongs": "belong", "works": "work"},
}  # fmt: skip
