"""Who plays in a person's life: read from a hand-written cast, or composed from pools by a seed."""

import random
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from scripts.local.people.models import Address, Provider

TEXT = Path(__file__).parent / "text"
Share = Literal["even", "odd", "all"]
"""Which of the shared templates a person may draw, so that two known people never share a sentence."""

WITHOUT_DECOMPOSITION = str.maketrans(
    {"ø": "o", "ł": "l", "ı": "i", "ß": "ss", "þ": "th", "Ø": "o", "Ł": "l", "Þ": "th"}
)
_LATER = timedelta(minutes=35)
SYLLABLES = ("ba", "de", "fi", "go", "lu", "mo", "na", "pe", "ri", "so", "tu", "ka", "len", "dar", "mis")


@dataclass(frozen=True, slots=True)
class Role:
    """Somebody the person knows."""

    name: str
    email: str
    organisation: str | None
    phone: str

    @property
    def first(self) -> str:
        """The name that friends use."""
        return self.name.split(" ")[0]

    @property
    def address(self) -> Address:
        """Name and e-mail address."""
        return (self.name, self.email)


@dataclass(frozen=True, slots=True)
class Cast:
    """A person, the people around them, and the words of their world.

    Their life at another provider is another one: with other people, and with its hours `later`.
    """

    provider: Provider
    later: timedelta
    canary: str
    user_id: str
    given_name: str
    family_name: str
    email: str
    zone: str
    far_zone: str
    locale: str
    company: str
    machines: str
    city: str
    street: str
    topics: tuple[str, ...]
    places: tuple[str, ...]
    rooms: tuple[str, ...]
    colleagues: tuple[Role, ...]
    externals: tuple[Role, ...]
    friends: tuple[Role, ...]
    titles: Mapping[str, str]
    newsletters: tuple[Mapping[str, Any], ...]
    services: tuple[Mapping[str, Any], ...]
    questions: tuple[Mapping[str, str], ...]
    share: Share

    @property
    def name(self) -> str:
        """The person's full name."""
        return f"{self.given_name} {self.family_name}"

    @property
    def address(self) -> Address:
        """The person's name and e-mail address."""
        return (self.name, self.email)

    @property
    def account(self) -> str:
        """Names the account, for what is drawn by lot."""
        return self.user_id if self.provider == "google" else f"{self.user_id} {self.provider}"

    def role(self, name: str) -> Role:
        """The role that the schedule names: c0…, x0…, f0…."""
        group = {"c": self.colleagues, "x": self.externals, "f": self.friends}[name[0]]
        return group[int(name[1:])]

    def title(self, key: str) -> str:
        """An event's title with the people and topics of this cast in it."""
        return self.titles[key].format_map(self._title_slots())

    def _title_slots(self) -> dict[str, str]:
        slots = {"me": self.given_name, "city": self.city}
        for letter, group in (("c", self.colleagues), ("x", self.externals), ("f", self.friends)):
            for index, role in enumerate(group):
                slots[f"{letter}{index}"] = role.name
                slots[f"{letter}{index}_first"] = role.first
                slots[f"{letter}{index}_org"] = role.organisation or ""
        slots.update({f"t{index}": topic for index, topic in enumerate(self.topics)})
        return slots


@cache
def read_text(name: str) -> dict[str, Any]:
    """One of the hand-written files beside this module."""
    with open(TEXT / f"{name}.toml", "rb") as file:
        return tomllib.load(file)


def slug(text: str, joiner: str = ".") -> str:
    """The text in ASCII letters and digits, as it would stand in an address."""
    plain = unicodedata.normalize("NFKD", text.translate(WITHOUT_DECOMPOSITION))
    ascii_only = plain.encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", joiner, ascii_only).strip(joiner)


def known_cast(which: Literal["demo", "second"], provider: Provider = "google") -> Cast:
    """One of the two people that the local cloud is seeded with, as they are at a provider."""
    file = which if provider == "google" else f"{which}_outlook"
    data = read_text(file)
    rng = random.Random(f"phones of {file}")
    colleagues = tuple(
        Role(one["name"], f"{one['local']}@{data['domain']}", data["company"], _phone(rng)) for one in data["colleague"]
    )
    externals = tuple(Role(one["name"], one["email"], one["organisation"], _phone(rng)) for one in data["external"])
    friends = tuple(Role(one["name"], one["email"], None, _phone(rng)) for one in data["friend"])
    return Cast(
        provider=provider,
        later=timedelta(minutes=data.get("minutes_later", 0)),
        canary=data["canary"],
        user_id=data["user_id"],
        given_name=data["given_name"],
        family_name=data["family_name"],
        email=data["email"],
        zone=data["zone"],
        far_zone=data["far_zone"],
        locale=data["locale"],
        company=data["company"],
        machines=data["machines"],
        city=data["city"],
        street=data["street"],
        topics=tuple(data["topics"]),
        places=tuple(data["places"]),
        rooms=tuple(data["rooms"]),
        colleagues=colleagues,
        externals=externals,
        friends=friends,
        titles=data["titles"],
        newsletters=tuple(data["newsletter"]),
        services=tuple(data["service"]),
        questions=tuple(data["question"]),
        share="even" if which == "demo" else "odd",
    )


def unseen_cast(seed: int, provider: Provider = "google") -> Cast:
    """A person nobody has met, as they are at a provider; equal seeds give the same person."""
    cast = _composed_cast(seed, f"unseen {seed}")
    if provider == "google":
        return cast
    other = _composed_cast(seed, f"unseen {seed} {provider}")
    return replace(
        other,
        provider=provider,
        later=_LATER,
        given_name=cast.given_name,
        family_name=cast.family_name,
        email=f"{slug(cast.name)}.{seed}@outlook.example",
        zone=cast.zone,
        locale=cast.locale,
    )


def _composed_cast(seed: int, lot: str) -> Cast:
    """A cast from pools."""
    pool = read_text("unseen")
    rng = random.Random(lot)
    names = _names(rng, pool, 15)
    companies = rng.sample(pool["companies"], 5)
    zone_index = rng.randrange(len(pool["zones"]))
    given, family = names[0].split(" ", 1)
    domain = _domain(companies[0])
    return Cast(
        provider="google",
        later=timedelta(),
        canary=_canary(rng, seed),
        user_id=f"user_unseen{seed:021d}",
        given_name=given,
        family_name=family,
        email=f"{slug(names[0])}.{seed}@gmail.example",
        zone=pool["zones"][zone_index],
        far_zone=rng.choice(pool["far_zones"]),
        locale=pool["locales"][zone_index],
        company=companies[0],
        machines=f"tools.{domain}",
        city=rng.choice(pool["cities"]),
        street=f"{rng.randrange(2, 190)} Mill Road",
        topics=tuple(rng.sample(pool["topics"], 10)),
        places=tuple(rng.sample(pool["places"], 3)),
        rooms=tuple(rng.sample(pool["rooms"], 3)),
        colleagues=tuple(Role(name, f"{slug(name)}@{domain}", companies[0], _phone(rng)) for name in names[1:7]),
        externals=tuple(
            Role(name, f"{slug(name)}@{_domain(firm)}", firm, _phone(rng))
            for name, firm in zip(names[7:11], companies[1:], strict=True)
        ),
        friends=tuple(Role(name, f"{slug(name)}@homepost.example", None, _phone(rng)) for name in names[11:]),
        titles={key: rng.choice(choices) for key, choices in pool["titles"].items()},
        newsletters=tuple(rng.sample(pool["newsletter"], 4)),
        services=tuple(pool["service"]),
        questions=tuple(rng.sample(pool["question"], 2)),
        share="all",
    )


def shared(share: Share, templates: Sequence[Any]) -> list[Any]:
    """The templates that a person of this share may draw."""
    return list(templates[{"even": slice(0, None, 2), "odd": slice(1, None, 2), "all": slice(None)}[share]])


def _names(rng: random.Random, pool: Mapping[str, Any], count: int) -> list[str]:
    given = rng.sample(pool["given_names"], count)
    family = rng.sample(pool["family_names"], count)
    return [f"{first} {last}" for first, last in zip(given, family, strict=True)]


def _domain(company: str) -> str:
    return f"{slug(company, '-')}.example"


def _phone(rng: random.Random) -> str:
    return f"+999 {rng.randrange(100, 999)} {rng.randrange(1000, 9999)}"


def _canary(rng: random.Random, seed: int) -> str:
    """Event ids carry the word, and Google allows them the letters a to v only."""
    number = "".join("bcdfghjklm"[int(digit)] for digit in str(abs(seed)))
    return "".join(rng.choice(SYLLABLES) for _ in range(4)) + number
