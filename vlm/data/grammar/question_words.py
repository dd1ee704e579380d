"""Templates of yes/no questions, of "what is it not?" and of follow-ups, and the values they use.

`phrases` explains the templates.
"""

from vlm.data.grammar.words import BAGS, LEGS, SHOES, TOPS

# For any item; a_kind = "a pair of heels", plural = "heels", empty for single items.
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

# key -> templates; a template with an empty slot is not used.
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

# What is true of the item, as a clause.
TRUTHS: dict[str, str] = {
    "articleType": "it is {a_kind}",
    "baseColour": "{it} {is} {colour}",
    "gender": "{it} {is} for {people}",
    "usage": "{it} {is} for {occasion}",
    "material": "{it} {is} made of {value}",
}
DETAIL_TRUTHS: tuple[str, ...] = ("{it} {has} {noun}", "{it} {is} {adjective}")  # the first fit

NO_PREDICATES = frozenset({"graphic-print", "animal-print", "logo"})  # an item is not "logo"

# Alone, and followed by what is true.
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

# Second and third questions of a conversation: task -> wordings.
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

# Wider terms for a kind: family -> its names in questions, and the kinds that belong to it.
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

# How often each label occurs among 7,781 products, per thousand. Wrong values are drawn from
# these, so that "yes" and "no" are equally frequent answers to each question.
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

# Labels of one group are never wrong values for each other, because both can be true.
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

# Kinds that are easily confused, and therefore better wrong values.
NEAR: tuple[frozenset[str], ...] = (
    TOPS,
    LEGS,
    SHOES,
    BAGS | {"Wallets", "Belts"},
    frozenset({"Belts", "Ties", "Caps", "Watches", "Sunglasses", "Socks", "Mufflers", "Scarves"}),
)

# Shades, and the colour that they also are.
FAMILY_COLOUR: dict[str, str] = {
    "Navy Blue": "Blue", "Turquoise Blue": "Blue", "Maroon": "Red", "Burgundy": "Red",
    "Olive": "Green", "Lime Green": "Green", "Sea Green": "Green", "Fluorescent Green": "Green",
    "Coffee Brown": "Brown", "Off White": "White", "Charcoal": "Grey", "Grey Melange": "Grey",
    "Lavender": "Purple", "Mustard": "Yellow", "Rose": "Pink",
}  # fmt: skip
