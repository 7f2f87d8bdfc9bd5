"""Lodging a complaint: number first, words after.

Category, sub-category, place, confirm: the case is lodged before a word is typed, because a multi-tap keypad with 80
letters and 30 seconds of patience drops exactly there; so is the one more question that a kind may have (the number of
an application). Only "Other, not sure" asks for words first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cases.routing import route
from locales import say
from locales.gsm7 import septets
from menus.drafts import accuses_by_place, is_secret
from menus.engine import Ask, Choose, Draft, End, Key, Menu, Option, Scene, Screen
from menus.screens.secret import next_question
from menus.screens.words import DANGER, added_title, calm_or, needs_a_word
from packs.model import Category, Place, text
from packs.places import EVERYWHERE, OFFICES, label, short_name
from sms_gateway.encoding import plain

MORE_CATEGORIES: Final = "9"
# They come in between: the same was reported before, or somebody may be hurt. A poster's keys end there.
UNFORESEEN: Final = frozenset({"again", "known", "emergency"})
_OFFICES: Final = OFFICES | {"town", "county"}
_HAVE_PARTS: Final = frozenset({"estate", "town", "constituency"})
_MOST_FOUND: Final = 24


def _categories(scene: Scene) -> list[Option]:
    pack, language = scene.world.pack, scene.world.language
    listed = [_category(one, language) for one in pack.menu()]
    if pack.menu(MORE_CATEGORIES):
        listed.append(Option("more", text(pack.more, language), key=MORE_CATEGORIES))
    return listed


def _more_categories(scene: Scene) -> list[Option]:
    return [_category(one, scene.world.language) for one in scene.world.pack.menu(MORE_CATEGORIES)]


def _category(category: Category, language: str) -> Option:
    return Option(category.code, text(category.name, language), key=category.digit)


def _after_category(scene: Scene) -> str:
    if scene.draft["category"] == "more":
        return "category_more"
    if scene.world.pack.categories[scene.draft["category"]].sensitive:
        return "secret_intro"  # what they did is asked once it is known about whom
    subs = scene.world.pack.subs_of(scene.draft["category"])
    return "sub" if len(subs) > 1 else _after_sub(scene)


def _category_chosen(scene: Scene) -> Draft:
    """A category with one sub-category only ("Other, not sure") has no screen of its own for it."""
    category = scene.draft["category"]
    subs = scene.world.pack.subs_of(category) if category != "more" else ()
    return _sub_chosen_as(scene, subs[0].code) if len(subs) == 1 else {"category": category}


def _subs(scene: Scene) -> list[Option]:
    subs = scene.world.pack.subs_of(scene.draft["category"])
    return [Option(one.code, text(one.name, scene.world.language), key=one.key) for one in subs]


def _sub_title(scene: Scene) -> str:
    return text(scene.world.pack.categories[scene.draft["category"]].title, scene.world.language)


def _sub_chosen(scene: Scene) -> Draft:
    return _sub_chosen_as(scene, scene.draft["sub"])


def _sub_chosen_as(scene: Scene, sub: str) -> Draft:
    """A local problem is most likely where the last one was; the confirm screen says so and lets one change it.

    Not so a secret one: it would tell who picks up the phone next where its owner reports from.
    """
    draft = {"category": scene.draft["category"], "sub": sub}
    near = scene.world.near
    is_local = scene.world.pack.subs[sub].where == "place" and not is_secret(scene.world.pack, draft)
    if is_local and near and not near.retired:
        draft["place"] = near.code
    return draft


def _after_sub(scene: Scene) -> str:
    return "emergency" if scene.world.pack.subs[scene.draft["sub"]].danger else _past_danger(scene)


def _past_danger(scene: Scene) -> str:
    """What is asked next, once the emergency numbers were shown where somebody may be hurt."""
    sub = scene.world.pack.subs[scene.draft["sub"]]
    if is_secret(scene.world.pack, scene.draft):
        return next_question(scene)
    if sub.words_first and not scene.draft.get("words"):
        return "text_first"
    if sub.where == "none" or scene.draft.get("place"):
        return "confirm"
    return "place_office" if sub.where == "office" else "place"


def _change_place(scene: Scene) -> str:
    return "place_office" if scene.world.pack.subs[scene.draft["sub"]].where == "office" else "place"


def _found(scene: Scene) -> Sequence[Place]:
    """Where it is; or the offices where one applies for it, and towns for what is not listed."""
    world, sub = scene.world, scene.draft["sub"]
    office = world.pack.subs[sub].where == "office"
    return world.places.find(
        scene.draft["typed"],
        near=world.near,
        kinds=_OFFICES if office else EVERYWHERE,
        serving=route(world.pack, sub, None) if office else None,
        limit=_MOST_FOUND,
    )


def _searched(scene: Scene) -> Draft:
    """One place only fits what was typed: no list is needed."""
    found = _found(scene)
    return {**scene.draft, **_whole(found[0].code)} if len(found) == 1 else scene.draft


def _after_search(scene: Scene) -> str:
    found = len(_found(scene))
    if found == 0:
        return "place_none"
    return _placed(scene) if found == 1 else "place_list"


def _whole(place: str) -> Draft:
    """A place as it was chosen; which part of it may be asked yet."""
    return {"place": place, "whole": place}


def _place_chosen(scene: Scene) -> Draft:
    return {**scene.draft, **_whole(scene.draft["place"])}


def _placed(scene: Scene) -> str:
    """Kibera: which part? An office is one place."""
    place = scene.world.pack.places[scene.draft["place"]]
    return "place_parts" if place.kind in _HAVE_PARTS and scene.world.pack.parts(place) else ready(scene)


def ready(scene: Scene) -> str:
    """Everything is known that must be: show what will be sent, and to whom."""
    return "secret_confirm" if is_secret(scene.world.pack, scene.draft) else "confirm"


def _parts(scene: Scene) -> list[Option]:
    parts = scene.world.pack.parts(scene.world.pack.places[scene.draft["whole"]])
    return [Option(part.code, short_name(part)) for part in parts]


def _all_of_it(scene: Scene) -> Draft:
    return {**scene.draft, "place": scene.draft["whole"]}


def _places(scene: Scene) -> list[Option]:
    return [Option(place.code, label(place, scene.world.pack, scene.world.language)) for place in _found(scene)]


def _none_title(scene: Scene) -> str:
    """What they typed is said back, unless its letters would make the whole screen twice as wide."""
    if septets(plain(scene.draft["typed"])) is None:
        return say("No such place. Type fewer letters, or the town or county.")
    return say("No place starts with {typed}. Type fewer letters, or the town or county.")


def _may_lack_place(scene: Scene, _: str) -> bool:
    """A county office would not be kept from what is said of it; the county's name will do."""
    return not accuses_by_place(scene.world.pack, scene.draft)


def _without_place(scene: Scene) -> Draft:
    return {key: value for key, value in scene.draft.items() if key not in _whole("")}


def _to_the_earlier(scene: Scene) -> Draft:
    return {**scene.draft, "case": scene.facts["id"]}


def _is_open(scene: Scene, key: str) -> bool:
    """To a case that follows another nothing can be added."""
    return key != "1" or bool(scene.facts["open"])


def _another(scene: Scene) -> Draft:
    """What stands for this place is not meant; for another place it is asked again."""
    return {**scene.draft, "apart": scene.draft.get("place", "")}


def _confirm_title(scene: Scene) -> str:
    if scene.draft.get("place"):
        return say("{sub}, {place}.\nSend to {agency}?")
    return say("{sub}.\nSend to {agency}?")


def _has_place(scene: Scene, key: str) -> bool:
    return key != "3" or scene.world.pack.subs[scene.draft["sub"]].where != "none"


def _done_title(scene: Scene) -> str:
    if scene.facts.get("stopped"):
        return say(
            "Sent to {agency}.\nCase number {ref}. Write it down.\nAnswer by {date}.\n"
            "You stopped our SMS; dial {code} to check."
        )
    return say(
        "Sent to {agency}.\nCase number {ref}\nYou get an answer by {date}.\n"
        "An SMS follows. Reply to it to add details."
    )


def _asks_more(scene: Scene) -> bool:
    return bool(scene.world.pack.subs[scene.draft["sub"]].ask)


def _sent(scene: Scene) -> str:
    return "extra" if _asks_more(scene) else "done"


def _sent_with_words(scene: Scene) -> str:
    return "extra" if _asks_more(scene) else "add_words"


def _with_words(scene: Scene) -> Draft:
    return {**scene.draft, "more": "yes"}


def _past_extra(scene: Scene) -> str:
    return "add_words" if scene.draft.get("more") else "done"


def _answered_extra(scene: Scene) -> Draft:
    """An officer reads what was asked beside the answer: "Application number: 4711"."""
    ask = text(scene.world.pack.subs[scene.draft["sub"]].ask, scene.world.language)
    return {**scene.draft, "added": f"{ask}: {scene.draft['added']}"}


SCREENS: Final[Mapping[str, Screen]] = {
    "category": Choose(
        stores="category",
        title=say("What is it about?"),
        options=_categories,
        after=_category_chosen,
        then=_after_category,
        fresh=True,
    ),
    "category_more": Choose(
        stores="category",
        title=say("What is it about?"),
        options=_more_categories,
        after=_category_chosen,
        then=_after_category,
    ),
    "sub": Choose(stores="sub", title=_sub_title, options=_subs, after=_sub_chosen, then=_after_sub),
    "text_first": Ask(
        stores="words",
        title=say("Tell us the problem in a few words (80 letters). Slow to type? SMS it to {short} instead."),
        suits=needs_a_word,
        then=calm_or("words", _past_danger, "emergency"),
    ),
    "emergency": Menu(title=DANGER, keys={"1": Key(say("Go on with the complaint"), then=_past_danger)}),
    "place": Ask(
        stores="typed",
        title=say(
            "Where is the problem?\nType the first letters of your ward, estate or town. Example: KIB for Kibera"
        ),
        suits=needs_a_word,
        after=_searched,
        then=_after_search,
        keys={"1": Key(say("Not sure"), then=ready, after=_without_place)},
        when=_may_lack_place,
    ),
    "place_office": Ask(
        stores="typed",
        title=say("Which office did you apply at? Type its first letters or the town. Example: NYA for Nyayo House"),
        suits=needs_a_word,
        after=_searched,
        then=_after_search,
        keys={"1": Key(say("Not sure"), then=ready, after=_without_place)},
    ),
    "place_list": Choose(
        stores="place",
        title=say("Choose:"),
        options=_places,
        after=_place_chosen,
        then=_placed,
        keys={"9": Key(say("None of these"), then=_change_place)},
    ),
    "place_none": Ask(
        stores="typed",
        title=_none_title,
        suits=needs_a_word,
        after=_searched,
        then=_after_search,
        keys={"1": Key(say("I do not know"), then=ready, after=_without_place)},
        when=_may_lack_place,
    ),
    "place_parts": Choose(
        stores="place",
        title=say("{whole}: which part?"),
        options=_parts,
        then=ready,
        keys={"9": Key(say("Not sure"), then=ready, after=_all_of_it)},
    ),
    # Whether the same was reported before is found out on the way to `confirm`: by this citizen, or by many
    "again": Menu(
        title=say("You reported this on {date}: {ref}. {status}, due {date2}."),
        needs="same",
        keys={
            "1": Key(say("Add words to it"), then="add_to_case", after=_to_the_earlier),
            "2": Key(say("It is another problem"), then="confirm", after=_another),
        },
        when=_is_open,
    ),
    "known": Menu(
        title=say("{n} people reported: {sub}, {place}. With {agency}, due {date}."),
        needs="same",
        keys={
            "1": Key(say("Add me"), then="done", request="follow"),
            "2": Key(say("Mine is different"), then="confirm", after=_another),
        },
    ),
    "confirm": Menu(
        title=_confirm_title,
        needs="same",
        keys={
            "1": Key(say("Send"), then=_sent, request="lodge"),
            "2": Key(say("Send, then add words"), then=_sent_with_words, request="lodge", after=_with_words),
            "3": Key(say("Change place"), then=_change_place),
        },
        when=_has_place,
    ),
    "extra": Ask(
        stores="added",
        title=say("Saved: {ref}\n{ask}?"),
        suits=needs_a_word,
        after=_answered_extra,
        then=calm_or("added", "add_more", "emergency_added"),
        request="add_words",
        keys={"1": Key(say("I do not have it"), then=_past_extra)},
        root=True,
    ),
    "add_words": Ask(
        stores="added",
        title=say("Saved: {ref}\nWhere exactly? Since when? (80 letters)"),
        suits=needs_a_word,
        then=calm_or("added", "add_more", "emergency_added"),
        request="add_words",
        keys={"1": Key(say("Finish"), then="done")},
        root=True,
    ),
    "add_more": Ask(
        stores="added",
        title=added_title,
        suits=needs_a_word,
        then=calm_or("added", "add_more", "emergency_added"),
        request="add_words",
        keys={"1": Key(say("Finish"), then="done")},
        root=True,
    ),
    "done": End(_done_title),
}
