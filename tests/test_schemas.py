"""The schemas in docs/schemas, held by the package `jsonschema` against every JSON output of the Rust tests.

`./test` keeps these in target/json (`TAUTNET_JSON`); each was checked before by the small checker in `tests/furniture/src/schema.rs`.
"""
import json
import pathlib

import pytest
from jsonschema import Draft202012Validator

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUTPUTS = ROOT / "target/json"
SCHEMAS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "docs/schemas").glob("*.json"))}


def outputs(name):
    found = sorted(OUTPUTS.glob(f"{name}.*.json"))
    if not found:
        pytest.skip(f"no outputs of {name} are kept in target/json: ./test keeps them")
    return found


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name):
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_output_is_valid(name):
    validator = Draft202012Validator(SCHEMAS[name])
    for path in outputs(name):
        errors = [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(json.loads(path.read_text()))]
        assert not errors, f"{path.name}: {errors}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_is_met(name):
    """A key that no output has is one that nobody checked."""
    schema = SCHEMAS[name]
    met = set()
    for path in outputs(name):
        meet(schema, schema, json.loads(path.read_text()), "", met)
    assert sorted(set(keys(schema, "")) - met) == [], "keys that no test meets"


def keys(schema, place):
    """The places of all keys; those of definitions begin with their name."""
    for key, rule in schema.get("properties", {}).items():
        yield f"{place}.{key}"
        yield from keys(rule, f"{place}.{key}")
    for inner, mark in [("items", "[]"), ("additionalProperties", ".*")]:
        if isinstance(schema.get(inner), dict):
            yield from keys(schema[inner], place + mark)
    # Alternatives share the place of what they are alternatives of.
    found = {key for alternative in schema.get("anyOf", []) for key in keys(alternative, place)}
    yield from sorted(found)
    for name, definition in schema.get("$defs", {}).items():
        yield from keys(definition, f"#{name}")


def meet(root, schema, value, place, met):
    """Add the places of the keys that an output has."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return meet(root, root["$defs"][name], value, f"#{name}", met)
    for alternative in schema.get("anyOf", []):
        if Draft202012Validator({**alternative, "$defs": root.get("$defs", {})}).is_valid(value):
            meet(root, alternative, value, place, met)
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in schema.get("properties", {}):
                met.add(f"{place}.{key}")
                meet(root, schema["properties"][key], inner, f"{place}.{key}", met)
            elif isinstance(schema.get("additionalProperties"), dict):
                meet(root, schema["additionalProperties"], inner, f"{place}.*", met)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for inner in value[:20]:
            meet(root, schema["items"], inner, f"{place}[]", met)
