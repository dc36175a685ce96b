"""Read a YAML mapping strictly: safe types only, and no key twice (YAML 1.2.2, section 3.2.1.1: keys are unique)."""

from pathlib import Path
from typing import Any

from leeroo.errors import ConfigError

MOST_NODES = 100_000
"""Values in a file, aliases followed."""


def load_mapping(
    path: str | Path, otherwise: str = "a pool file is a mapping with the key 'experts'."
) -> dict[str, Any]:
    """Read a YAML mapping.

    Args:
        path: The file.
        otherwise: What to say of a file that is none.

    Raises:
        ConfigError: No such file, not readable, or not a mapping; a syntax error or a key that is there twice is given
            with its line.
    """
    data, _ = load_with_lines(path, otherwise)
    return {str(key): value for key, value in data.items()}


def load_with_lines(path: str | Path, otherwise: str) -> tuple[dict[Any, Any], Any]:
    """As `load_mapping`, with the keys as they are, and PyYAML's node of it, which knows the lines.

    Raises:
        ConfigError: As `load_mapping`.
    """
    import yaml

    place = Path(path)
    try:
        loader = _loader()(place.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        if node is not None and _unfolded(node) > MOST_NODES:
            raise ConfigError(f"{place}: its aliases unfold to more than {MOST_NODES} values.")
        data = None if node is None else loader.construct_document(node)
    except OSError as error:
        raise ConfigError(f"Cannot read {place}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{place}: not a UTF-8 text file.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{place}:{mark.line + 1}" if mark else str(place)
        raise ConfigError(f"{where}: not valid YAML: {getattr(error, 'problem', None) or 'unreadable'}.") from None
    except (RecursionError, ValueError, OverflowError, AttributeError, TypeError, LookupError) as error:
        # PyYAML's own, for dates that do not exist, integers without digits, and the like.
        raise ConfigError(f"{place}: not valid YAML: {type(error).__name__}.") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{place}: {otherwise}")
    return data, node


def _unfolded(root: Any) -> int:
    """How many values a document has once its aliases are followed: nine lines can have a billion."""
    sizes: dict[int, int] = {}
    waiting = [(root, False)]
    while waiting:
        node, done = waiting.pop()
        inner = node.value if isinstance(node.value, list) else []
        parts = [one for pair in inner for one in (pair if isinstance(pair, tuple) else (pair,))]
        if done:
            sizes[id(node)] = 1 + sum(sizes.get(id(part), 0) for part in parts)
        elif id(node) not in sizes:
            sizes[id(node)] = 0  # one that holds itself counts once
            waiting.append((node, True))
            waiting.extend((part, False) for part in parts)
    return sizes[id(root)]


def _loader() -> Any:
    import yaml

    class UniqueKeys(yaml.SafeLoader):
        """PyYAML keeps the last of two equal keys and says nothing."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: dict[Any, int] = {}
            for key, _ in node.value:
                if key.tag == "tag:yaml.org,2002:merge" or not isinstance(key, yaml.ScalarNode):
                    continue  # what is merged in may be overridden: that is what merging is for
                name, line = self.construct_object(key), key.start_mark.line + 1
                if name in seen:
                    problem = f"the key {name!r} is there twice, first in line {seen[name]}"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen[name] = line
            return super().construct_mapping(node, deep)

    return UniqueKeys
