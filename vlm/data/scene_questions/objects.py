"""The objects of everyday photographs: their names, what they are kinds of, where they hide.

One line an object: name; kinds it belongs to; other words that name it; words near which it may
be in the picture without being mentioned. `*` in the last column: it is small or so common that
silence says nothing, so nobody is asked whether it is there. A word with `*` at its end stands for
every word that begins like it; a word with `!` is often a verb or an adjective instead.
Words are in the singular; `vocabulary` knows plurals. A line that begins with spaces continues
the one before.
"""

PEOPLE = """
person;; human, someone, somebody, individual, pedestrian, player, rider, biker, bicyclist,
  cyclist, skier, snowboarder, skateboarder, surfer, hiker, climber, swimmer, runner, racer,
  worker, driver, photographer, performer, dancer, teenager, teen, youth, adult, friend, family,
  couple, crowd, group, team, audience, spectator, onlooker, officer, athlete, musician, student,
  tourist, passenger, wrestler, referee, goalie, kayaker, diver, jockey, motorcyclist,
  rollerblader, skater, catcher, pitcher, batter, singer, guitarist, vendor, soldier, guard, pilot,
  owner, trainer, clown, fisherman, opponent, teammate, contestant, competitor, participant,
  boarder, wakeboarder, waterskier, jumper, band, partner, patron, customer, shopper, visitor,
  camper, dog walker, jogger, member, character, citizen, folk, everyone, anybody, nobody, parent,
  sibling, twin, elder, tennis player, baseball player, soccer player, football player, basketball
  player, hockey player, chef, cook!, doctor, teacher, artist, actor, rower, sailor, skydiver,
  gymnast, trick rider, bicycler, mountain climber, rock climber, snow skier, motocross rider,
  horseback rider, pirate, santa, figure, silhouette, hockey goalie, elderly, senior, asian,
  african-american, acrobat, cheerleader, snowmobiler, paddler, rafter, lifeguard, attendant,
  assistant, bystander, cowboy; cloth*, hand, face, arm, leg, hat, shirt, uniform, jacket, rid*,
  game, costume, race, parade, play*, wear*, public, other, another, model, crowd, ride, self,
  photographer, owner
man; person; guy, gentleman, male, groom, father, dad, daddy, grandfather, businessman, policeman,
  fireman, old man, dude, husband, bearded man, santa claus; person
woman; person; lady, female, bride, mother, mom, mommy, grandmother, bridesmaid, businesswoman,
  wife, waitress, blonde!, brunette!; person
child; person; kid, toddler, infant, little one, preschooler, schoolchild, youngster, little kid,
  baby; person
boy; child; little boy, brother, son, young boy; person
girl; child; little girl, sister, daughter, young girl; person
baby; child; infant, newborn; child
crowd; person; mob, throng; people, group, person, game, stadium, race, concert, parade, player,
  team, street, market, city, event, festival, competition, match, stage, band, show, other, fan,
  public, beach, party, class, audience, spectator, onlooker
"""

ANIMALS = """
animal;; creature, pet, beast, critter, wildlife, livestock, mammal; zoo, farm
dog; animal; puppy, pup, canine, hound, poodle, greyhound, retriever, golden retriever, terrier,
  labrador, lab, shepherd, german shepherd, collie, border collie, beagle, bulldog, pitbull, pit
  bull, husky, dalmatian, doberman, rottweiler, spaniel, dachshund, chihuahua, corgi, mutt,
  sheepdog, boxer!, great dane, dalmation, pug, yorkie, pointer!, whippet, schnauzer, mastiff,
  tri-colored dog, doggie, doggy, setter, pomeranian, boston terrier, jack russell, weimaraner,
  wiener dog, sled dog, saint bernard, st bernard, pekingese, pekinese, bloodhound, basset; leash,
  bone, fetch*, frisbee, collar, muzzle, wolf
cat; animal; kitten, kitty, feline; animal
horse; animal; pony, stallion, mare, foal, bronco, colt; rodeo, rider, jockey, cowboy, bull,
  carriage, polo, mule, donkey, saddle, horseback, bronc*, barn, chariot
cow; animal; calf!, cattle; rodeo, farm, cowboy, barn, pasture, bull, ox, steer, buffalo, bison
bull; animal; ox, steer!, buffalo, bison, bronco bull; rodeo, farm, cowboy, barn, pasture, cow,
  cattle, rid*
sheep; animal; lamb, ram!, ewe; goat, farm, flock, herd*, pasture
goat; animal;; sheep, farm, herd*
bird; animal; duck!, goose, swan, pigeon, seagull, gull, parrot, eagle, hawk, chicken, rooster,
  owl, crane!, heron, pelican, flamingo, turkey, ostrich, peacock, crow, sparrow, stork, egret,
  penguin; feather, flock, beak, wing, fowl
duck; bird; duckling, mallard; bird, goose, pond, water
elephant; animal;; zoo, trunk
bear; animal; polar bear, grizzly; teddy, zoo
zebra; animal;; zoo
giraffe; animal;; zoo
monkey; animal; ape; zoo, gorilla, chimpanzee, baboon
camel; animal;; desert, zoo, llama, alpaca
tiger; animal;; zoo, cat, lion, leopard, cheetah, panther
lion; animal; lioness; zoo, cat, tiger, leopard, cheetah
rabbit; animal; bunny, hare;
squirrel; animal; chipmunk;
deer; animal;; moose, antelope, reindeer, elk
fish; animal; goldfish, trout; fish*, aquarium, underwater, ocean, sea, scuba, div*, net, lake,
  pond, river, catch, caught, shark, whale, dolphin
turtle; animal; tortoise;
frog; animal; toad; pond
butterfly; animal;; insect, wing, flower
"""

VEHICLES = """
vehicle;; atv, four wheeler, four-wheeler, dune buggy, tractor, ambulance, snowmobile, go-kart,
  golf cart, buggy, quad, 4-wheeler, rally car, automobile; traffic, street, road, highway, city,
  parking, park*, race*, ride*, driv*, tire, wheel, cart, track, machine, tank
car; vehicle; sedan, taxi, cab, suv, jeep, minivan, van, limousine, convertible, police car, race
  car, racecar, rally car, pickup, hatchback; street, road, traffic, parking, parked, city, race*,
  racing, intersection, sidewalk, highway, driveway, town, curb, neighborhood, truck, bus,
  crosswalk, garage, lot, urban, driv*, wheel, downtown, building, house, tunnel, parade, store,
  night, pavement, drift*, alley, shop, market, bridge, cross*, outside, asphalt, train, drive-in,
  window
truck; vehicle; pickup, pickup truck, fire truck, firetruck, lorry, semi; street, road, traffic,
  parking, parked, city, highway, car, van, jeep, driv*, wheel, construction, driveway, lot
bus; vehicle; school bus, minibus, coach!; street, traffic, city, road, stop, double-decker,
  passenger, seat
train; vehicle; locomotive, subway train; station, subway, track, rail*, platform, passenger, seat,
  roller, coaster, tram, trolley, streetcar
boat; vehicle; sailboat, rowboat, speedboat, motorboat, ship, canoe, kayak, yacht, ferry,
  catamaran, dinghy, watercraft, paddle boat, houseboat, barge, tugboat; ocean, lake, river, sea,
  harbor, dock, pier, shore*, bay, sail*, row*, paddl*, waterski*, wakeboard*, marina, rapids,
  water, fish*, beach, vessel, pond, raft, ski, jetski, boat, gondola
raft;; inner tube, innertube, inflatable raft; boat, float*, tub*, river, rapid*, paddl*,
  inflatable, pool
canoe; boat; kayak; boat, raft, paddl*, river, lake, row*, kayak*
bike; vehicle;; bike*, biking, rid*, cycl*, bmx, street, helmet, trick, bik*, rack
bicycle; bike; bmx bike, mountain bike, bmx; rid*, cycl*, bike*, biking, bmx, trick, ramp, street,
  city, helmet, race, parking, wheel, sidewalk, trail, unicycle, tricycle
motorcycle; bike; motorbike, motorcycle bike, dirt bike, dirtbike, moped, motor bike; rid*,
  motocross, racer, bik*, street, race*, racing, helmet, wheel, atv, motor*, scooter, traffic,
  parking
scooter; vehicle;; rid*, moped, ramp, street
airplane; vehicle; plane!, jet!, aircraft, airliner, biplane; airport, runway, fly*, flight, sky,
  parachut*, wing, tarmac, helicopter, glider
helicopter; vehicle; chopper; fly*, sky, airport, airplane, aircraft
wheelchair;;;
stroller;; baby carriage, pram, baby stroller; baby, cart, buggy, push*, carriage
wagon;;; cart, pull*, horse, carriage
cart;; shopping cart; horse, wagon, pull*, push*, shop*, vendor, market, golf, grocery, stroller,
  carriage, buggy, rickshaw
"""

PLAY = """
ball;; soccer ball, tennis ball, football, basketball, baseball, volleyball, beach ball, rugby
  ball, golf ball, softball, bowling ball, balls; ball*, game, play*, soccer, football, tennis,
  basketball, baseball, volleyball, golf, toy, catch*, kick*, throw*, bat*, racket, racquet,
  cricket, rugby, softball, hockey, goal*, pitch*, court, team, object, fetch*, something, hoop,
  polo, bowl*, pool, lacrosse, juggl*, sport*, chas*, mouth, opponent, dribbl*, uniform, jersey,
  match, tackl*, referee, catcher, swing*, dodge*, bubble
frisbee;; disc, disk, flying disc; toy, catch*, disc*, object, throw*, something, fetch*, mouth,
  jump*
stick;; branch, twig; mouth, hockey, object, something, toy, wood*, log, branch*, fetch*, pole,
  carry*, lacrosse, candy, drum*, ski*, baton, chew*, retriev*, bit*
toy;; stuffed animal, teddy bear, doll, lego, chew toy, squeaky toy, stuffed toy; *
skateboard;; longboard; skat*, board*, ramp, trick, rail, rollerblad*, grind*
surfboard;;; surf*, board*, wave, ocean, beach, sail*, wakeboard*, body*, board, bodyboard
snowboard;;; snow*, board*, ski*, slope, jump*
ski;; skis; snow*, ski*, slope
sled;; sleigh, toboggan; snow*, sled*, slid*, hill, tub*
kite;;; kite*, parasail*, sky, fly*, parachut*
swing;; swing set, tire swing, rope swing; swing*, playground, park, hang*, rope
slide!;; water slide, waterslide, slip and slide, slip-n-slide; slid*, playground, park, pool,
  tunnel, tube
trampoline;;; bounc*, jump*, flip*, inflatable
rope;; jump rope; rop*, climb*, leash, pull*, swing*, tug*, tie*, hang*, string, harness,
  waterski*, rappel*, wakeboard*, boat, lead, cord, parasail*, wire, rodeo, lasso, tightrope
tennis racket;; racket, racquet, tennis racquet; tennis, badminton, racket*, court, squash, ping,
  paddle
baseball bat;; bat; baseball, bat*, softball, cricket, home plate
basketball hoop;;; basketball, hoop, court, dunk*, goal, basket
balloon;; water balloon, hot air balloon; party, balloon*, birthday, clown, parade, festival
bubble;; soap bubble; bubble*, water, bath, soap, foam, blow*
tent;;; camp*, market, fair, festival, party, canopy, stand, booth, vendor, carnival, circus, tarp,
  event, shelter, shade, wedding, hik*, awning, gazebo
hammock;;; hang*
guitar;; electric guitar, acoustic guitar, bass guitar; band, music*, instrument, stage, concert,
  perform*, sing*, play*, microphone, banjo, ukulele
piano;;; music*, instrument, band, stage, concert, keyboard
drum;; drum set, bongo; band, music*, instrument, stage, concert, march*, parade, perform*, play*
violin;;; music*, instrument, band, stage, orchestra, play*, cello, fiddle
microphone;; mic; sing*, stage, band, concert, speak*, microphone*, perform*, guitar, music*,
  talk*, record*, play*
"""

INDOORS = """
chair;; armchair, rocking chair, lawn chair, lounge chair, high chair, highchair, recliner, folding
  chair; sit*, seat*, sat, table, room, restaurant, desk, kitchen, indoor*, inside, crowd, cafe,
  audience, stage, patio, porch, deck, lawn, beach, bench, stadium, office, eat*, din*, couch,
  class*, salon, hotel, wedding, party, meal, computer, lounge, pool, concert, spectator, camp*,
  band, bar, house, home, yard, umbrella, picnic, game, sleep*, drink*, store, furniture, read*,
  guitar, play*, seat, stool, wheelchair
bench;; park bench, pew, picnic bench; sit*, seat*, sat, park, street, sidewalk, playground, bus,
  stadium, bleachers, table, wait*, station, skat*, team, lean*, plaza, city, rest*, path, lay*,
  lie*, garden, trick
table;; picnic table, coffee table, dining table; restaurant, eat*, food, room, kitchen, drink*,
  cake, picnic, cafe, meal, dinner, lunch, sit*, desk, indoor*, cook*, plate, bowl, wine, beer,
  office, laptop, computer, party, paint*, market, bar, store, read*, house, chair, pizza,
  sandwich, class*, draw*, write*, writ*, vendor, fruit, wedding, umbrella, hotel, counter, stand,
  game, play*, work*, picture
couch;; sofa, loveseat, futon; living, room, sit*, lay*, lie*, bed, chair, indoor*, furniture,
  sleep*, cushion, pillow, lounge, house, home, blanket, nap*, recliner
bed;; bunk bed; room, bedroom, sleep*, lay*, lie*, couch, blanket, pillow, hotel, hospital, nap*,
  sheet, indoor*, mattress, crib, cot
computer;; laptop, laptop computer; desk, office, room, screen, work*, typ*, table, video, game,
  keyboard, monitor
television;; tv, screen!, flat screen; room, living, couch, indoor*, game, video, screen, bedroom,
  hotel, bar
phone;; cellphone, cell phone, telephone, mobile phone; talk*, call*, text*, camera, photograph,
  picture, booth, hold*, look*, device
book;;; read*, paper, library, school, desk, sit*, table, shelf, store, studi*, magazine,
  newspaper, notebook
umbrella;; parasol; rain*, beach, restaurant, table, cafe, patio, parade, shade, market, sun,
  vendor
camera;; video camera, camcorder; photo*, picture, film*, tak*, record*, pose*, tourist, tripod,
  press, shoot*, lens, pictures
bottle;; water bottle, beer bottle, wine bottle, baby bottle; *
cup;; mug, wine glass, paper cup; *
plate;; dish; *
bowl;;; *
cake;; birthday cake, wedding cake; birthday, party, dessert, food, eat*, wedding, candle, bak*,
  table, plate, pastry, celebrat*, frost*, cupcake
pizza;;; food, eat*, restaurant, meal, dinner, lunch, plate, slice
sandwich;; burger, hamburger, hot dog, hotdog; food, eat*, restaurant, meal, dinner, lunch, plate,
  bread
ice cream;; ice cream cone; eat*, food, lick*, cone, dessert, treat, snack, popsicle
fruit;; apple, banana, orange!, strawberry, watermelon, lemon, grape; food, eat*, market, table,
  plate, bowl, vegetable, salad, vendor, stand, produce, meal, juice, kitchen
toilet;;; bathroom, restroom, sink, urinal
sink!;;; bathroom, kitchen, toilet, wash*
refrigerator;; fridge; kitchen, stove, cook*
stove;; oven; kitchen, cook*, bak*, stove
bathtub;; tub, hot tub; bath*, tub, shower, soap, wash*
candle;;; cake, birthday, table, church, dinner, restaurant
clock;;; tower, wall, room, station
ladder;;; climb*, roof, construction, paint*, pool, playground, slid*, bunk, dock, fire, tower,
  boat
mirror;;; bathroom, reflect*, makeup, bedroom, car, motorcycle, salon, hair
bag;; purse, handbag, shopping bag, suitcase, luggage, duffel bag; *
backpack;;; *
"""

CLOTHES = """
hat;; cap!, beanie, baseball cap, cowboy hat, hard hat, visor, bandanna, bandana; *
helmet;; hardhat; *
shirt;; t-shirt, tee shirt, tank top, blouse, tee, polo shirt; *
jacket;; coat!, parka, hoodie, sweatshirt, sweater, vest, blazer; *
dress!;; gown, sundress; *
skirt;; tutu, kilt; *
pants;; jeans, trousers, slacks, leggings, overalls; *
shorts;; swim trunks, trunks, swimming trunks; *
swimsuit;; bikini, bathing suit, swim suit, wetsuit; *
suit!;; tuxedo, business suit; *
uniform;; jersey; *
costume;;; *
sunglasses;; shades; *
glasses;; eyeglasses, goggles; *
scarf;; headscarf; *
shoe;; sneaker, boot, sandal, flip flop, heel!; *
glove;; mitten, baseball glove, mitt; *
tie!;; necktie, bow tie; *
leash;;; *
collar;;; *
mask;;; *
"""

PLACES = """
snow;; snowbank, snowball, snowman, snowdrift; snow*, ski*, sled*, winter*, ice, icy, cold,
  mountain*, frozen, slope, frost*, white, toboggan*
water;; ocean, sea, lake, river, pond, pool, stream, creek, wave, puddle, waterfall, fountain,
  swimming pool, bay, surf!, rapids, sprinkler, waterway, canal, lagoon, hot tub, kiddie pool,
  harbor, marsh, swamp; *
ocean; water; sea; beach, water*, surf*, shore*, coast*, cliff, boat, sand*, island, sail*, dock,
  pier, horizon, bay, dune, lake, swim*, paddl*, ship, rock*, tide, wad*, div*, parasail*, view,
  sunset, raft, kayak*, scuba, wave
lake; water;; water*, river, shore*, boat, dock, swim*, canoe*, kayak*, fish*, beach, stream,
  mountain*, sail*, duck, ocean, sea, pier, bay, bank, rock*, ski*, sunset, wakeboard*, raft, wad*,
  wet, div*, view, duck*, scenic, park, splash*, bridge, forest, landscape, marsh, reflect*, pond,
  puddle
pond; water;; *
river; water;; water*, lake, bridge, rapid*, canoe*, kayak*, raft*, fish*, boat, bank, rock*,
  swim*, ocean, sea, pond, wet, splash*, dock, shore*, bay, canal, valley, wad*, scenic, beach,
  pier, forest, wood*, hik*, landscape, canyon, mountain*, paddl*, stream, creek, brook
stream; water; creek, brook; *
pool; water; swimming pool, kiddie pool, wading pool, paddling pool; water*, swim*, splash*, bath*,
  raft, div*, trunk*, tub, lounge, float*, bikini, wet, slide, resort, fountain, ball, hotel, cue,
  goggles, sprinkler, backyard, inflatable, spray*, underwater
waterfall; water;; water*, rock*, cliff, river, fall*, rapid*, stream, mountain*, canyon, hik*
fountain; water; water fountain; water*, park, plaza, statue, splash*, sprinkler, spray*, pool,
  square, wet, courtyard, monument, city, drink*, jet, squirt*, hydrant
beach;; sandy beach; sand*, ocean, water*, wave, surf*, shore*, sea, lake, dune, coast*, bikini,
  swim*, bay, island, boogie, tide, pier, parasail*, volleyball, cliff, river, rock*, sunset,
  horizon, desert, wet, bath*, paddl*, dirt, boat, kite, boardwalk, wad*, seashore, shoreline,
  seaside
sand;; sandbox, dune, sand dune; sand*, beach, dune, desert, ocean, shore*, dirt, sea, play*,
  volleyball, long jump, dig*, playground, dust*, camel, lake, rodeo, water, coast*, trail, ground,
  wave, surf*, construction, course
street;; road, avenue, highway, roadway, crosswalk, intersection, city street, sidewalk, lane; *
road;;; *
bridge;; footbridge, overpass; river, stream, creek, canal, city, walkway, road, rail*, path,
  water, train, track, lake, wooden, highway, cross*, boardwalk, tunnel, pier, dock, harbor, view,
  rope, plank, structure, obstacle, beam
mountain;; mountaintop, mountainside, peak; hill*, cliff, rock*, snow*, ski*, hik*, climb*,
  landscape, lake, valley, view, scen*, canyon, desert, peak, slope, overlook*, horizon, ridge,
  trail, terrain, camp*, top, summit, volcano, outdoor*, distance, sunset, edge, river, background,
  boulder, ledge, forest, country*, steep, field, wood*, beach, ocean, high, bay, road, bike*,
  motocross, parachut*, paraglid*, sail*, hill, hillside
cliff;;; *
hill;; hillside, hilltop; *
forest;; woods, jungle, woodland; wood*, tree*, forest*, jungle, hik*, trail, path, leaves, leaf,
  camp*, log, park, bush*, hill*, mountain*, creek, stream, river, outdoor*, nature, branch*, bik*,
  grass*, field, rock*, lake, foliage, brush, country*, pond, dirt, bench, snow*, motocross, shade,
  climb*, ski*, sled*, swing*, background, rope, ground, waterfall, yard, wood
tree;; palm tree, pine tree, christmas tree; *
grass;; lawn, grassy field; *
field;; meadow, pasture; *
flower;; bouquet, tulip, sunflower, daisy; flower*, garden*, field, plant*, bride, wedding,
  bouquet, meadow, yard, park, bush*, floral, table, spring, lei, grass*, bloom*, blossom*, tree*,
  petal*, leaves, vase, butterfly, hawaiian, groom, bridesmaid, balcony, porch, colorful, patio,
  statue, church, costume, parade, pot, weed*, basket, hair, rose
rock;; boulder, stone; *
building;; house, skyscraper, church, barn, tower, castle, cabin, store, shop; *
wall;; brick wall; *
fence;; chain link fence, railing; *
stairs;; staircase, stairway, steps!, stairwell, stair; step*, stair*, rail*, building, climb*,
  trick, skat*, ramp, church, monument, city, jump*, statue, porch, ladder, house, slide, plaza,
  entrance, bleachers, stadium, deck, temple, escalator, bench, stoop, down, stair
ramp;; skateboard ramp, skate ramp; skat*, bmx, trick, jump*, rollerblad*, ski*, snow*, bik*,
  stunt, dock, scooter, course, pipe, obstacle, motocross, air*, slop*, rail, wakeboard*, agility,
  half-pipe, park, skatepark
playground;;; park, slid*, swing*, play*, climb*, equipment, school, bars, sand*, structure,
  tunnel, yard, merry-go-round, rope, gym, seesaw, net, ladder, bounc*, set
stage;;; stage*, perform*, band, concert, music*, danc*, sing*, microphone, audience, show, guitar,
  play*, theat*, instrument, crowd, platform, speech, costume, parade, festival, club, drum*
kitchen;;; cook*, stove, sink, oven, food, refrigerator, room, indoor*, chef, counter, table,
  restaurant, bak*, eat*, house, home, inside, dish*, pot, apron
fire;; campfire, bonfire, flame; fire*, smok*, flam*, camp*, grill*, cook*, candle, burn*,
  firework*, torch, welding, barbecue, marshmallow, lit, explo*
statue;; sculpture; statue*, monument*, fountain, plaza, museum, sculpt*, art*, temple, church,
  square, memorial, exhibit, park, bronze, figure, snowman, horse, display, stone, lion, city,
  mural, monument
flag;;; flag*, parade, stadium, race, protest, crowd, festival, march*, american, stage, castle,
  military, boat, ship, cheer*, band, sign, building, golf, olympic*, course, fair, banner
sign;; billboard, poster; *
bus stop;;; *
train station;; subway station, station; *
sky;;; *
dirt;; mud; *
leaf;; leaves; *
"""

# Pairs that are easily taken for each other: the near misses that are asked about.
NEAR_MISSES = """
dog: cat, horse, sheep, bear, goat
cat: dog, rabbit
horse: cow, dog, camel, zebra
cow: horse, sheep
sheep: goat, dog
bird: airplane, kite, butterfly
bicycle: motorcycle, scooter
motorcycle: bicycle, car
car: truck, bus
truck: car, bus
bus: train, truck
boat: surfboard, car
skateboard: snowboard, surfboard, scooter
surfboard: snowboard, boat, skateboard
snowboard: skateboard, ski, surfboard
ski: snowboard, sled
sled: ski, snowboard
ball: frisbee, balloon, bubble
frisbee: ball, kite
man: woman, boy
woman: man, girl
boy: girl, man
girl: boy, woman
baby: dog, woman
snow: sand, beach
sand: snow
beach: snow, pool
ocean: pool, river
pool: ocean, lake, beach
river: pool, ocean
lake: pool, ocean
forest: beach
mountain: beach
guitar: violin, drum
drum: guitar
couch: bed, bench
bed: couch
chair: bench
bench: chair, table
tent: umbrella
umbrella: tent
phone: camera
camera: phone
swing: hammock
waterfall: fountain
fountain: waterfall
"""
