"""Generates 64 documents about islands, in four formats, and 200 questions with known answers.

All islands have the same topics, so that the words of a question are in many documents. Most
questions use other words than their answers. Everything follows from a fixed seed.
"""

import random
from pathlib import Path
from typing import NamedTuple

from fakes import document_files as papers

SEED, ISLANDS, QUESTIONS = 7, 64, 200

_FIRST = ("Al", "Bra", "Cor", "Dun", "El", "Fen", "Gar", "Hol", "Is", "Jor", "Kel", "Lun", "Mor",
          "Nor", "Os", "Pel")  # fmt: skip
_LAST = ("dale", "mere", "holm", "wick", "ness", "vik", "gard", "stead")
_PEOPLE = ("Ada Brook", "Bo Lindqvist", "Carla Moreau", "Dmitri Volkov", "Esther Okafor",
           "Farid Haddad", "Greta Nilsen", "Hiro Tanaka", "Ines Duarte", "Jonas Weber")  # fmt: skip
_GOODS = ("copper", "wool", "salted fish", "apples", "timber", "amber", "honey", "slate", "linen",
          "pottery")  # fmt: skip
_STONES = ("granite", "sandstone", "limestone", "basalt", "marble")


class Topic(NamedTuple):
    """A topic of every island; `{x}` is what differs, `{who}` a person, `{name}` the island."""

    heading: str
    fact: str
    questions: tuple[str, ...]
    filler: str


_TOPICS = (
    Topic(
        "The harbour",
        "The ferry to the mainland leaves at {x} every morning from the eastern pier.",
        ("When does the boat to the continent depart from {name}?",
         "At what time can I sail from {name} to the mainland?"),
        "Small craft tie up along the wall, and nets are dried there when the wind allows it.",
    ),
    Topic(
        "The doctor",
        "{who} has looked after the sick here since {x}, and makes house calls on Thursdays.",
        ("Who is the physician of {name}?", "Whom should I see on {name} when I am ill?"),
        "Medicine is kept in a cool cellar, and bandages are washed and used again.",
    ),
    Topic(
        "Trade",
        "Most families earn their living by selling {x} to merchants from the south.",
        ("What do the people of {name} export?", "Which goods is {name} known for in commerce?"),
        "Accounts are settled twice a year, and nobody is asked to pay before the harvest.",
    ),
    Topic(
        "The lighthouse",
        "The lighthouse was built of {x} and its lamp can be seen for twenty miles.",
        ("From which stone was the beacon of {name} made?",
         "What material is the lighthouse on {name} constructed from?"),
        "Keepers take turns by the week, and the stairs are painted every spring.",
    ),
    Topic(
        "The school",
        "There are {x} pupils, who are taught in a single room beside the church.",
        ("How many children go to school on {name}?", "How large is the class on {name}?"),
        "Lessons stop for the herring, and reading is practised with old newspapers.",
    ),
    Topic(
        "Lodging",
        "A bed at the inn costs {x} crowns a night, with soup in the evening.",
        ("What is the price of a room on {name}?", "How much do I pay to stay overnight on {name}?"),
        "Guests leave their boots at the door, and dogs sleep in the stable.",
    ),
    Topic(
        "Weather",
        "Snow lies until {x}, and storms come mostly out of the north-west.",
        ("How long does winter last on {name}?", "Until when is there snow on {name}?"),
        "Roofs are held down with ropes, and windows are small on the side of the sea.",
    ),
    Topic(
        "Law",
        "Whoever cuts down a tree without leave pays a fine of {x} crowns to the council.",
        ("What is the penalty for felling trees on {name}?",
         "How high is the fine on {name} if I chop wood without permission?"),
        "Quarrels are heard on the first Sunday, and anybody may speak for a neighbour.",
    ),
)  # fmt: skip


class Fact(NamedTuple):
    """A sentence of one document, and questions that it answers."""

    source: str
    sentence: str
    questions: tuple[str, ...]


class Corpus(NamedTuple):
    """A folder of documents, and questions, each with the fact that answers it."""

    folder: Path
    questions: list[tuple[str, Fact]]


def made_in(folder: Path) -> Corpus:
    """Write the documents into a folder; return them with the questions."""
    chance = random.Random(SEED)
    names = [first + last for first in _FIRST for last in _LAST]
    facts: list[Fact] = []
    for number, name in enumerate(chance.sample(names, ISLANDS)):
        parts = [(topic, *_filled_in(topic, name, chance)) for topic in _TOPICS]
        chance.shuffle(parts)
        texts = [(topic.heading, f"{topic.filler} {sentence}") for topic, sentence, _ in parts]
        source = _write(folder, number, name, texts)
        facts += [Fact(source, sentence, questions) for _, sentence, questions in parts]
    chosen = chance.sample(facts, QUESTIONS)
    return Corpus(folder, [(chance.choice(fact.questions), fact) for fact in chosen])


def _filled_in(topic: Topic, name: str, chance: random.Random) -> tuple[str, tuple[str, ...]]:
    values = {
        "The harbour": f"{chance.randint(5, 11)}:{chance.choice(('05', '20', '35', '50'))}",
        "The doctor": str(chance.randint(1870, 1930)),
        "Trade": " and ".join(chance.sample(_GOODS, 2)),
        "The lighthouse": f"{chance.choice(('grey', 'red', 'white'))} {chance.choice(_STONES)}",
        "The school": str(chance.randint(6, 60)),
        "Lodging": str(chance.randint(3, 40)),
        "Weather": f"the {chance.choice(('first', 'second', 'third'))} week of "
        f"{chance.choice(('March', 'April', 'May'))}",
        "Law": str(chance.randint(10, 400)),
    }
    given = {"x": values[topic.heading], "who": chance.choice(_PEOPLE), "name": name}
    return topic.fact.format(**given), tuple(asked.format(**given) for asked in topic.questions)


def _write(folder: Path, number: int, name: str, parts: list[tuple[str, str]]) -> str:
    """Write the document of an island in one of four formats; return the file name."""
    title = f"The island of {name}"
    own = [(f"{heading} of {name}", text) for heading, text in parts]
    path = folder / f"{name.lower()}{('.md', '.html', '.docx', '.pdf')[number % 4]}"
    if path.suffix == ".md":
        path.write_text(f"# {title}\n\n" + "".join(f"## {h}\n\n{text}\n\n" for h, text in own))
    elif path.suffix == ".html":
        body = "".join(f"<h2>{heading}</h2><p>{text}</p>" for heading, text in own)
        path.write_text(f"<html><body><h1>{title}</h1>{body}</body></html>")
    elif path.suffix == ".docx":
        papers.docx(path, own, title)
    else:
        papers.pdf(path, [f"{heading}\n\n{text}" for heading, text in own], title)
    return path.name
