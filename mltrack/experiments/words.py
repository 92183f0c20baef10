"""The words that made names are of: short, friendly in any pair, plain ASCII."""

_ADJECTIVES = """
able agile airy alert alpine amber ample apt arctic autumn avid awake azure balmy blithe
bold brave breezy bright brisk bronze calm candid caring cheery chief civil clean clear
clever coastal cobalt cool copper coral cosmic cosy crisp curious dapper daring dashing
deft dewy distant eager early earnest elegant emerald epic even exact fabled fair famous
fancy fast fearless festive fine fleet fluent fond frank free fresh frosty gallant game
gentle genuine gifted glad gleaming glowing golden good graceful grand great green hale
handy happy hardy hearty helpful honest hopeful humble ideal indigo ivory jade jaunty
jolly jovial joyful keen kind lavender lemon level light lilac lively lofty loyal lucid
lucky lunar magic maple maroon mellow merry mighty mild mindful minty misty modest neat
new nimble noble northern olive opal open orange patient peaceful pearly placid plucky
poetic polar polished polite prime prompt proud pure quick quiet radiant rapid ready
regal rosy royal ruby rustic sage sandy scarlet serene shiny silent silver sincere sleek
smart smooth snowy soft solar solid spirited spring sprightly stable starry steady
stellar stoic subtle summer sunny super sure swift teal tender tidy topaz tranquil true
trusty upbeat valiant velvet verdant vibrant violet vital vivid warm watchful whole
winter wise witty worthy zesty
"""
_ANIMALS = """
albatross alpaca anchovy ant antelope armadillo auk avocet badger barbet bass bat bear
bee beetle bison blenny bluebird bobcat bongo bonito bream bumblebee bunting butterfly
camel capybara caracal cardinal caribou carp cat catfish chameleon chamois cheetah
chickadee chinchilla chipmunk cicada civet clam cod condor coot corgi cormorant coyote
crab crane cricket crow curlew dingo dipper dolphin dormouse dove dragonfly duck dugong
dunlin eagle echidna eel egret eland elk emu ermine falcon ferret finch firefly flamingo
fox frog gannet gar gazelle gecko gerbil giraffe gnu goldfinch goose gopher goshawk
grebe grouper grouse guppy gull haddock hamster hare harrier hawk hedgehog heron herring
hippo hoopoe hornbill horse hummingbird husky ibex ibis iguana impala jackdaw jaguar jay
kangaroo kestrel kingfisher kite kiwi koala koi kudu lark lemming lemur leopard limpet
linnet lion lizard llama lobster lorikeet lynx macaw mackerel magpie mallard manatee
mantis marlin marmot marten martin meerkat merlin minnow mole mongoose moose moth mouse
mullet mussel narwhal newt nightingale numbat nuthatch ocelot octopus okapi oriole oryx
osprey otter owl oyster panda pangolin panther parrot partridge pelican penguin perch
petrel pheasant pigeon pika pike pipit plaice plover pony porpoise possum puffin puma
quail quetzal rabbit raccoon ram raven ray redstart reindeer robin rook salmon sandpiper
sardine seahorse seal shearwater sheep shrimp skylark sloth snail snipe sparrow
spoonbill squid squirrel stag starfish starling stingray stoat stork sturgeon sunfish
swan tamarin tanager tapir tarpon tern thrush tiger toad tortoise toucan trout tuna
turbot turtle vicuna viscacha vole wagtail wallaby walrus warbler waxwing whale whimbrel
wigeon wolf wolverine wombat woodpecker wren yak zebra
"""
ADJECTIVES = tuple(_ADJECTIVES.split())
ANIMALS = tuple(_ANIMALS.split())
