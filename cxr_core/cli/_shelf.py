"""`models default | describe | rename | delete`: what a person changes about stored models."""

from __future__ import annotations

import argparse
import sys

from cxr_core import registry, shelf
from cxr_core.cli import _options
from cxr_core.errors import ConfigError


def add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    default = actions.add_parser("default", help="mean this model where none is named")
    default.set_defaults(run=set_default)
    default.add_argument(
        "model", nargs="?", metavar="NAME[@VERSION]", help="default: the shipped model again"
    )
    describe = actions.add_parser("describe", help="keep your own words beside a model")
    describe.set_defaults(run=describe_model)
    describe.add_argument("model", metavar="NAME[@VERSION]")
    describe.add_argument("text", help="up to 2,000 characters; '' removes them")
    rename = actions.add_parser("rename", help="give one version another name")
    rename.set_defaults(run=rename_model)
    rename.add_argument("model", metavar="NAME[@VERSION]")
    rename.add_argument("name", help="small letters, digits, '-' and '_'")
    delete = actions.add_parser("delete", help="remove one version for good")
    delete.set_defaults(run=delete_model)
    delete.add_argument("model", metavar="NAME@VERSION")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def set_default(arguments: argparse.Namespace) -> int:
    if arguments.model is None:
        registry.set_default(None)
        print("The shipped model is meant where none is named.")
        return 0
    entry = _options.entry(arguments.model)
    registry.set_default(entry)
    print(f"{entry.name} {entry.version} is meant where none is named.")
    return 0


def describe_model(arguments: argparse.Namespace) -> int:
    entry = _options.entry(arguments.model)
    shelf.describe(entry, arguments.text)
    done = "is described" if arguments.text.strip() else "has no description any more"
    print(f"{entry.name} {entry.version} {done}.")
    return 0


def rename_model(arguments: argparse.Namespace) -> int:
    entry = _options.entry(arguments.model)
    renamed = shelf.rename(entry, arguments.name)
    print(f"{entry.name} {entry.version} is now {renamed.name} {renamed.version}.")
    return 0


def delete_model(arguments: argparse.Namespace) -> int:
    """Asks first. Raises ConfigError without a version, or where nobody is there to ask."""
    if "@" not in arguments.model:
        raise ConfigError(
            f"Expected NAME@VERSION to delete; received {arguments.model!r}. "
            "Name the version: nothing else is deleted."
        )
    entry = _options.entry(arguments.model)
    if not arguments.yes and not entry.shipped:
        if not sys.stdin.isatty():
            raise ConfigError(
                "Expected a person at the terminal to confirm the deletion; received none. "
                "Add --yes."
            )
        answer = input(f"Delete {entry.name} {entry.version} for good? Type its name: ")
        if answer.strip() != entry.name:
            print("Nothing was deleted.")
            return 0
    shelf.delete(entry)
    print(f"{entry.name} {entry.version} is deleted.")
    return 0
