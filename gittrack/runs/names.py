"""Names for runs: an adjective and a noun, easy to say and to tell apart."""

from __future__ import annotations

import random

_ADJECTIVES = """
    able amber ample azure bold brave brief bright brisk calm candid careful cheerful clean
    clear clever cosy crisp curious daring deep deft eager early easy fair faithful fancy
    fearless fine firm fleet fond frank free fresh gentle glad golden good grand happy hardy
    honest humble keen kind lively loyal lucid lucky mellow merry mild modest neat nimble noble
    patient plain polite proud quick quiet rapid rare ready robust rosy round sharp shy silent
    silver simple sleek smart smooth solid spry steady still stout strong subtle sunny sure
    sweet swift tall tidy tough true upbeat vivid warm wise witty young zesty
"""
_NOUNS = """
    alder ant ape ash aspen auk badger bat bear beaver bee beech birch bison boar buck bull carp
    cat cedar cod colt cow crab crane crow cub deer dingo dog dove duck eagle eel elk elm falcon
    fawn fern fig finch fir flea fly foal fox frog goat goose grouse gull hare hawk hazel hen
    heron holly horse hound ibex ibis jay kite kiwi koala lamb lark larch lemur lily lion llama
    lynx maple mink mole moose moth mouse newt oak otter owl ox panda pear perch pike pine plum
    pony pug puma quail rabbit ram raven robin rook rose rowan salmon seal shark sheep shrew
    shrike skunk sloth snail sparrow squid stag stork swan swift teal tern thrush tiger toad
    trout tulip turtle viper vole walrus wasp whale willow wolf wren yak yew zebra
"""
_RANDOM = random.SystemRandom()


def new_name() -> str:
    """Return a random name such as "brave-otter", whatever seed the user has set."""
    return f"{_RANDOM.choice(_ADJECTIVES.split())}-{_RANDOM.choice(_NOUNS.split())}"
