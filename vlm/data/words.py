"""The closed vocabulary of the caption grammar: every word of an answer stands in a table here.

In a template, `captions` fills the slots in braces; a part in square brackets is dropped when a
slot of it has no value; a template with an empty slot outside brackets is not chosen.
"""

from typing import NamedTuple


class Detail(NamedTuple):
    """One visual fact that a product's name may tell, and how a sentence says it.

    Attributes:
        key: the fact it sets.
        value: the fact's value, as the JSON answer says it.
        pattern: what to find in the name (regular expression, case does not matter).
        adjective: goes before the noun, empty when the fact has no good adjective.
        noun: goes after "It has", empty when only the adjective is natural.
        kinds: the article types it may be said of.
    """

    key: str
    value: str
    pattern: str
    adjective: str
    noun: str
    kinds: frozenset[str]


class Gender(NamedTuple):
    """How a gender is said before the noun and after "for", and what a reader takes for it."""

    whose: str
    people: str
    forms: tuple[str, ...]


class Usage(NamedTuple):
    """How a usage is said before the noun and after "for", and what a reader takes for it."""

    adjective: str
    occasions: tuple[str, ...]
    forms: tuple[str, ...]


# One unmistakable phrase for each article type. "pair of X": X is plural, adjectives go before X.
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

# Labels that are no adjectives by themselves: how a sentence says them, the label still in it.
COLOUR_ADJECTIVES: dict[str, str] = {
    "Multi": "multi-coloured",
    "Nude": "nude-coloured",
    "Skin": "skin-coloured",
}
METALS = frozenset({"bronze", "copper", "gold", "silver", "steel"})  # "solid gold" is another thing

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

WORN = frozenset({"Topwear", "Bottomwear", "Dress"})  # subCategories of "a casual shirt"

SEASONS: dict[str, tuple[str, ...]] = {
    "Spring": ("spring",),
    "Summer": ("summer",),
    "Fall": ("fall", "autumn"),
    "Winter": ("winter",),
}

# What a reader meets beside the phrases and the labels themselves.
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
NOT_READ = frozenset({"Compact"})  # labels that are everyday words: only their phrase is read

# key: label: what a reader takes for it, in lower case, without the endings.
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

# Brands and phrases that hold a word of DETAILS in another sense; taken out before a name is read.
NOT_DETAILS = r"classic polo|polo assn|polo club|(?:light|dark) denim"

# First match of a key wins, so the special stands before the general. The kinds are those where the
# pictures bear the word out ("SS" is short sleeves on a T-shirt and a model of a shoe).
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

EVERYDAY = frozenset({"regular", "straight", "shoulder", "gradient"})  # values, read in forms only
DENIALS = frozenset({"not", "no", "without", "never"})  # before a detail that is not there

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

# Openings name kind, colour and gender: a whole brief answer, and the start of a detailed one.
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

# Openings of detailed answers that say the usage or the season too.
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

# Answers to one question name that fact alone: "The item", never the article type.
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

# Pronoun and verbs of one thing, and of a "pair of" things.
NUMBER: dict[bool, dict[str, str]] = {
    False: {"It": "It", "it": "it", "is": "is", "has": "has", "comes": "comes",
            "belongs": "belongs", "works": "works"},
    True: {"It": "They", "it": "they", "is": "are", "has": "have", "comes": "come",
           "belongs": "belong", "works": "work"},
}  # fmt: skip

# --- yes/no questions, what it is not, conversations ---------------------------------------------

# Asked of any thing; a_kind = "a pair of heels", plural = "heels", empty for single things.
IS_IT: tuple[str, ...] = (
    "Is it {a_kind}?",
    "Is this {a_kind}?",
    "is this {a_kind}",
    "Is that {a_kind}?",
    "Does the picture show {a_kind}?",
    "Is there {a_kind} in the picture?",
    "Can you see {a_kind} here?",
    "Would you call this {a_kind}?",
    "Are these {plural}?",
    "Do you see {plural} in the picture?",
)

# key: wordings; a wording whose slot is empty is not used.
YES_NO: dict[str, tuple[str, ...]] = {
    "articleType": IS_IT,
    "family": (
        "Is it {family}?",
        "Is this {family}?",
        "is this {family}",
        "Does the picture show {family}?",
        "Can you see {family} here?",
        "Would you call this {family}?",
    ),
    "baseColour": (
        "Is it {colour}?",
        "Is this {colour}?",
        "is it {colour}",
        "Is the item {colour}?",
        "Is the product {colour}?",
        "Is its main colour {label}?",
        "Is the main color {label}?",
        "Would you say that it is {colour}?",
    ),
    "gender": (
        "Is it for {people}?",
        "Is this for {people}?",
        "is it for {people}",
        "Is it made for {people}?",
        "Is this product meant for {people}?",
        "Would {people} wear this?",
        "Is this a {single} item?",
        "Is it only for {alone}?",
        "Is it {unisex}?",
    ),
    "usage": (
        "Is it for {occasion}?",
        "Is this meant for {occasion}?",
        "is it for {occasion}",
        "Would you wear it for {occasion}?",
        "Is this a {adjective} item?",
        "Is it {adjective} wear?",
        "Is it right for {occasion}?",
    ),
    "pattern": (
        "Is it {adjective}?",
        "Is this {adjective}?",
        "is it {adjective}",
        "Does it have {noun}?",
        "Does it come with {noun}?",
        "Is the item {adjective}?",
    ),
    "sleeve": (
        "Is it {adjective}?",
        "Is this {adjective}?",
        "Does it have {noun}?",
        "does it have {noun}",
        "Can you see {noun}?",
    ),
    "neckline": (
        "Does it have {noun}?",
        "does it have {noun}",
        "Can you see {noun}?",
        "Is there {noun}?",
    ),
    "material": (
        "Is it made of {value}?",
        "Is this made of {value}?",
        "Is the material {value}?",
        "Is it {adjective}?",
    ),
    "style": (
        "Does it have {noun}?",
        "Can you see {noun}?",
        "Is there {noun}?",
    ),
}

# What is true of the thing, as a part of a sentence.
TRUTHS: dict[str, str] = {
    "articleType": "it is {a_kind}",
    "baseColour": "{it} {is} {colour}",
    "gender": "{it} {is} for {people}",
    "usage": "{it} {is} for {occasion}",
    "material": "{it} {is} made of {value}",
}
DETAIL_TRUTHS: tuple[str, ...] = ("{it} {has} {noun}", "{it} {is} {adjective}")  # the first fitting

NO_PREDICATES = frozenset({"graphic-print", "animal-print", "logo"})  # nothing "is logo"

# The bare word, and the word with what is true.
YES: tuple[str, ...] = ("Yes.", "Yes, {truth}.")
NO: tuple[str, ...] = ("No.", "No, {truth}.")

NOT_PROMPTS: tuple[str, ...] = (
    "What is it not?",
    "What is this not?",
    "Name something that this is not.",
    "Name one thing that it is not",
    "Say what this is not.",
    "Tell me one thing that this is not.",
    "What does the picture not show?",
    "Give an example of what this is not.",
)
NOT_ANSWERS: tuple[str, ...] = (
    "It is not {a_kind}.",
    "This is not {a_kind}.",
    "The picture does not show {a_kind}.",
)

# Second and third questions of a conversation: task: wordings.
FOLLOW_UPS: dict[str, tuple[str, ...]] = {
    "brief": (
        "So how would you describe it in one sentence?",
        "Now a short caption, please.",
        "Sum it up in one sentence.",
    ),
    "detailed": (
        "Tell me more.",
        "Now describe it in detail.",
        "What else can you see?",
        "Can you tell me everything about it?",
    ),
    "json": ("Now all of that as JSON.", "And as JSON?", "Put it into JSON, please."),
    "kind": ("And what is it?", "What is it, then?", "So what kind of item is it?"),
    "colour": (
        "And its colour?",
        "And what colour is it?",
        "What about the color?",
        "and the colour",
        "Which colour does it have?",
    ),
    "gender": (
        "And who is it for?",
        "Who would wear it?",
        "And for whom is it?",
        "Is that for men or women?",
    ),
    "usage": (
        "And what would you wear it for?",
        "When would one wear it?",
        "And for which occasion?",
        "What is it good for?",
    ),
    "season": ("And which season is it for?", "What about the season?", "And the season?"),
    "not": ("And what is it not?", "What is it certainly not?", "Now say what it is not."),
}
AND = "And {question}"  # before a yes/no question that follows another

# What a kind is beside itself: family: how questions name it, and the kinds it is true of.
SANDALS = frozenset({"Sandals", "Sports Sandals", "Flip Flops"})  # footwear, but hardly shoes
FAMILIES: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "shoe": (("a shoe", "a pair of shoes", "footwear", "a kind of footwear"), SHOES - SANDALS),
    "footwear": (("footwear", "a kind of footwear", "something for the feet"), SANDALS),
    "bag": (("a bag", "a kind of bag"), BAGS | {"Waist Pouch"}),
    "clothing": (
        ("a piece of clothing", "a garment", "an item of clothing", "clothing"),
        TOPS | LEGS | {"Kurta Sets", "Churidar", "Tracksuits", "Blazers", "Suits", "Jumpsuit"},
    ),
    "accessory": (
        ("an accessory", "a fashion accessory"),
        frozenset({"Watches", "Sunglasses", "Wallets", "Cufflinks"}),
    ),
}

# How often each label occurs among 7,781 products, per thousand: wrong values are drawn from
# these, so that "yes" and "no" to one and the same question are equally frequent.
SHARES: dict[str, dict[str, float]] = {
    "articleType": {
        "Tshirts": 162, "Shirts": 137, "Casual Shoes": 78, "Sports Shoes": 38, "Sunglasses": 36,
        "Kurtas": 34, "Watches": 34, "Tops": 34, "Heels": 33, "Handbags": 30, "Flip Flops": 28,
        "Sandals": 28, "Belts": 27, "Wallets": 25, "Sweaters": 24, "Sweatshirts": 23,
        "Formal Shoes": 23, "Socks": 18, "Trousers": 18, "Jeans": 15, "Flats": 15, "Jackets": 13,
        "Backpacks": 12, "Briefs": 12, "Shorts": 11, "Innerwear Vests": 11, "Caps": 10, "Ties": 10,
        "Track Pants": 7, "Kurtis": 6, "Mufflers": 4, "Dresses": 3, "Clutches": 3, "Scarves": 3,
        "Trunk": 3, "Cufflinks": 2, "Stockings": 2, "Skirts": 2, "Perfume and Body Mist": 2,
        "Tunics": 2, "Capris": 2, "Leggings": 2, "Laptop Bag": 2, "Duffel Bag": 2, "Deodorant": 2,
        "Tracksuits": 1, "Mobile Pouch": 1, "Sports Sandals": 1, "Gloves": 1, "Umbrellas": 1,
        "Bra": 1, "Messenger Bag": 1, "Lounge Shorts": 1, "Hat": 0.5, "Dupatta": 0.5,
        "Waistcoat": 0.3, "Headband": 0.3, "Rucksacks": 0.3, "Sarees": 0.2, "Footballs": 0.2,
    },
    "family": {"clothing": 560, "shoe": 187, "accessory": 97, "footwear": 58, "bag": 52},
    "baseColour": {
        "Black": 228, "Blue": 125, "White": 113, "Brown": 86, "Grey": 79, "Red": 59, "Green": 53,
        "Navy Blue": 51, "Purple": 43, "Pink": 29, "Beige": 19, "Maroon": 17, "Yellow": 13,
        "Olive": 11, "Silver": 11, "Steel": 9, "Orange": 7, "Gold": 7, "Tan": 6, "Cream": 6,
        "Charcoal": 3, "Khaki": 3, "Copper": 2, "Off White": 2, "Magenta": 2, "Lavender": 2,
        "Peach": 2, "Teal": 1, "Mustard": 1, "Burgundy": 1, "Coffee Brown": 1, "Rust": 1,
        "Turquoise Blue": 1,
    },
    "gender": {"Men": 619, "Women": 320, "Unisex": 51, "Girls": 5, "Boys": 5},
    "usage": {"Casual": 780, "Formal": 94, "Sports": 80, "Ethnic": 44, "Smart Casual": 1},
    "pattern": {"solid": 121, "printed": 89, "striped": 80, "checked": 70, "graphic print": 4,
                "logo": 3, "floral": 3, "animal print": 1, "polka dot": 1},
    "sleeve": {"short sleeves": 4, "long sleeves": 1, "sleeveless": 0.5},
    "neckline": {"polo collar": 36, "hood": 2, "round neck": 1, "crew neck": 1, "V-neck": 0.2},
    "material": {"leather": 18, "canvas": 2, "denim": 1},
    "style": {"analogue": 3, "chronograph": 3, "digital": 2},
}  # fmt: skip

# No label of a group is ever the wrong value for another one: both could be said.
KINDS_ALIKE: tuple[frozenset[str], ...] = (
    frozenset({"Tshirts", "Tops", "Lounge Tshirts", "Innerwear Vests"}),
    frozenset({"Shirts", "Tops", "Tunics", "Kurtis", "Camisoles", "Shrug"}),
    frozenset({"Kurtas", "Kurtis", "Tunics", "Kurta Sets", "Tops"}),
    frozenset({"Dresses", "Tunics", "Kurtis", "Nightdress", "Baby Dolls", "Jumpsuit"}),
    frozenset({"Sweaters", "Sweatshirts", "Shrug"}),
    frozenset({"Sweaters", "Tops"}),
    frozenset({"Sweatshirts", "Jackets", "Tracksuits", "Track Pants"}),
    frozenset({"Jackets", "Rain Jacket", "Nehru Jackets", "Blazers", "Waistcoat", "Suits"}),
    frozenset({"Casual Shoes", "Sports Shoes"}),
    frozenset({"Casual Shoes", "Flats", "Booties"}),
    frozenset({"Flats", "Sandals", "Flip Flops", "Sports Sandals"}),
    frozenset({"Heels", "Sandals", "Booties"}),
    frozenset({"Handbags", "Clutches", "Messenger Bag", "Laptop Bag", "Duffel Bag", "Trolley Bag"}),
    frozenset({"Backpacks", "Rucksacks", "Laptop Bag", "Messenger Bag"}),
    frozenset({"Wallets", "Clutches", "Mobile Pouch", "Waist Pouch", "Tablet Sleeve"}),
    frozenset({"Trousers", "Track Pants", "Jeans", "Lounge Pants", "Capris", "Rain Trousers"}),
    frozenset({"Leggings", "Jeggings", "Tights", "Stockings", "Churidar", "Capris", "Socks"}),
    frozenset({"Jeans", "Jeggings"}),
    frozenset({"Shorts", "Lounge Shorts", "Boxers", "Trunk", "Swimwear", "Capris"}),
    frozenset({"Salwar", "Patiala", "Churidar", "Salwar and Dupatta", "Lehenga Choli"}),
    frozenset({"Briefs", "Boxers", "Trunk", "Shapewear", "Swimwear"}),
    frozenset({"Bra", "Camisoles", "Shapewear", "Innerwear Vests", "Swimwear"}),
    frozenset({"Night suits", "Nightdress", "Lounge Pants", "Baby Dolls", "Robe", "Bath Robe",
               "Lounge Shorts", "Lounge Tshirts", "Track Pants"}),
    frozenset({"Scarves", "Stoles", "Mufflers", "Dupatta", "Shrug", "Sarees"}),
    frozenset({"Caps", "Hat", "Headband"}),
    frozenset({"Bracelet", "Bangle", "Wristbands"}),
    frozenset({"Perfume and Body Mist", "Deodorant"}),
    frozenset({"Footballs", "Basketballs"}),
    frozenset({"Ties", "Ties and Cufflinks", "Cufflinks"}),
)  # fmt: skip
COLOURS_ALIKE: tuple[frozenset[str], ...] = (
    frozenset({"Beige", "Skin", "Nude", "Cream", "Tan", "Khaki", "Taupe", "Off White", "Peach"}),
    frozenset({"White", "Off White", "Cream"}),
    frozenset({"Brown", "Coffee Brown", "Mushroom Brown", "Tan", "Taupe", "Khaki", "Rust",
               "Bronze", "Copper", "Beige"}),
    frozenset({"Blue", "Navy Blue", "Turquoise Blue", "Teal"}),
    frozenset({"Green", "Olive", "Lime Green", "Sea Green", "Fluorescent Green", "Teal", "Khaki"}),
    frozenset({"Sea Green", "Turquoise Blue", "Teal"}),
    frozenset({"Grey", "Charcoal", "Grey Melange", "Steel", "Silver", "Taupe", "Metallic"}),
    frozenset({"Metallic", "Gold", "Silver", "Bronze", "Copper", "Steel"}),
    frozenset({"Orange", "Rust", "Peach", "Copper", "Mustard"}),
    frozenset({"Pink", "Rose", "Peach", "Magenta", "Mauve", "Skin", "Nude", "Lavender"}),
    frozenset({"Purple", "Lavender", "Mauve", "Magenta", "Burgundy"}),
    frozenset({"Red", "Maroon", "Burgundy", "Rust"}),
    frozenset({"Brown", "Maroon", "Burgundy"}),
    frozenset({"Yellow", "Mustard", "Gold", "Lime Green", "Fluorescent Green"}),
    frozenset({"Black", "Charcoal"}),
)  # fmt: skip
USAGES_ALIKE: tuple[frozenset[str], ...] = (
    frozenset({"Casual", "Smart Casual", "Home", "Travel"}),
    frozenset({"Formal", "Smart Casual", "Party"}),
    frozenset({"Ethnic", "Party"}),
)
GENDERS_ALIKE: tuple[frozenset[str], ...] = (frozenset({"Unisex", "Boys", "Girls"}),)
PRINTS = frozenset({"printed", "graphic print", "logo", "floral", "animal print", "polka dot"})
DETAILS_ALIKE: dict[str, tuple[frozenset[str], ...]] = {
    "pattern": (PRINTS | {"striped"}, PRINTS | {"checked"}),
    "neckline": (frozenset({"round neck", "crew neck"}), frozenset({"polo collar", "V-neck"})),
    "style": (frozenset({"analogue", "chronograph"}),),
}
ALIKE: dict[str, tuple[frozenset[str], ...]] = {
    "articleType": KINDS_ALIKE,
    "baseColour": COLOURS_ALIKE,
    "gender": GENDERS_ALIKE,
    "usage": USAGES_ALIKE,
    "family": (frozenset({"shoe", "footwear"}), frozenset({"bag", "accessory"})),
    **DETAILS_ALIKE,
}

# Kinds that are mistaken for one another sooner than for others: better wrong values.
NEAR: tuple[frozenset[str], ...] = (
    TOPS,
    LEGS,
    SHOES,
    BAGS | {"Wallets", "Belts"},
    frozenset({"Belts", "Ties", "Caps", "Watches", "Sunglasses", "Socks", "Mufflers", "Scarves"}),
)

# A shade is also its family's colour.
FAMILY_COLOUR: dict[str, str] = {
    "Navy Blue": "Blue", "Turquoise Blue": "Blue", "Maroon": "Red", "Burgundy": "Red",
    "Olive": "Green", "Lime Green": "Green", "Sea Green": "Green", "Fluorescent Green": "Green",
    "Coffee Brown": "Brown", "Off White": "White", "Charcoal": "Grey", "Grey Melange": "Grey",
    "Lavender": "Purple", "Mustard": "Yellow", "Rose": "Pink",
}  # fmt: skip
